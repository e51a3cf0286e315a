// Talks to the server, and notices when it has stopped.

export class Gone extends Error {} // the server does not answer

const POLL = 3000; // milliseconds
const PATIENCE = 10000; // for a sign of life

async function ask(path, options) {
  let response;
  try {
    response = await fetch(path, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    lost();
    throw new Gone();
  }
  if (response.status === 401) {
    lost("login");
    throw new Gone();
  }
  if (response.ok) return response;
  const text = await response.text();
  let said = { message: text.trim() || `Status ${response.status}.`, hint: "" };
  if (response.headers.get("content-type")?.includes("json")) said = JSON.parse(text);
  throw Object.assign(new Error(said.message), { hint: said.hint ?? "" });
}

const json = async (path, options) => (await ask(path, options)).json();
const post = (file, signal) => ({ method: "POST", body: file, signal, headers: { "Content-Type": "application/octet-stream" } });

export const start = () => json("api/start");
export const figures = (run) => json(`api/runs/${encodeURIComponent(run)}`);
export const predict = (file, name, run) => json(`api/films?${new URLSearchParams({ run, name })}`, post(file));
export const pixels = async (file, name, signal) => {
  const response = await ask(`api/pixels?${new URLSearchParams({ name })}`, post(file, signal));
  return response.arrayBuffer();
};
export const sample = async (name) => new File([await (await ask(`samples/${encodeURIComponent(name)}`)).blob()], name);

let listener = () => {};
let down = "";

function lost(why = "stopped") {
  if (down !== why) listener((down = why));
}

// Call `changed` with "stopped" or "login" when nobody answers, and with "" when somebody does again.
export function watch(changed) {
  listener = changed;
  setInterval(async () => {
    if (document.hidden && !down) return;
    try {
      const response = await fetch("api/health", { signal: AbortSignal.timeout(PATIENCE) });
      if (response.status === 401) lost("login");
      else if (down) listener((down = ""));
    } catch {
      lost();
    }
  }, POLL);
}

export const isDown = () => down !== "";
