// Asks who is there. The password goes to the hub once, for a token; neither is ever stored.

import { useState } from "preact/hooks";
import { logIn, useToken, words } from "./api.ts";
import { Problem, Title } from "./parts.tsx";

export function Login({ why, entered }: { why: string; entered: () => Promise<void> }) {
  const [byToken, setByToken] = useState(false);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState(why);

  async function submit(event: SubmitEvent) {
    event.preventDefault();
    const said = new FormData(event.currentTarget as HTMLFormElement);
    setBusy(true);
    setProblem("");
    try {
      if (byToken) useToken(String(said.get("token")).trim());
      else await logIn(String(said.get("login")), String(said.get("password")));
      await entered();
    } catch (error) {
      setProblem(words(error));
      setBusy(false);
    }
  }

  return (
    <main class="login" id="main">
      <Title text="Polydesk" />
      <form onSubmit={submit}>
        {byToken ? (
          <label>
            Token
            <input name="token" type="password" required autoComplete="off" />
          </label>
        ) : (
          <>
            <label>
              Login
              <input name="login" required autoComplete="username" autoCapitalize="none" />
            </label>
            <label>
              Password
              <input name="password" type="password" required autoComplete="current-password" />
            </label>
          </>
        )}
        <Problem text={problem} />
        <button class="main" disabled={busy}>
          {busy ? "Logging in …" : "Log in"}
        </button>
        <button type="button" class="quiet" onClick={() => setByToken(!byToken)}>
          {byToken ? "Use a login and a password" : "Use a token"}
        </button>
      </form>
      <p class="dim">
        The documented routes are described, and can be tried, at <a href="/swagger">/swagger</a>.
      </p>
    </main>
  );
}
