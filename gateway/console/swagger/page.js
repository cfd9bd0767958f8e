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

// Of the credentials that it asks for, Swagger UI begins with the last; the first are the guide's.
document.addEventListener("click", (event) => {
  if (!event.target.closest?.(".authorize")) return;
  requestAnimationFrame(() => document.querySelector(".auth-container input")?.focus());
});
