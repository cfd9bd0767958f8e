// Shows the documents of the API. The first is iAutomate's, whose guide sends people to this page.
fetch("/openapi/index.json")
  .then((answer) => answer.json())
  .then((names) => {
    SwaggerUIBundle({
      dom_id: "#swagger-ui",
      layout: "StandaloneLayout",
      presets: [SwaggerUIBundle.presets.apis, SwaggerUIStandalonePreset],
      urls: names.map((name) => ({ name: name.replace(".json", ""), url: `/openapi/${name}` })),
      deepLinking: true,
      filter: true,
      docExpansion: "list",
      validatorUrl: null,
    });
  });
