// Every question the page asks. The browser sends the cookie that POST /v1/session has set.

export class Trouble extends Error {
  constructor(status, message, remedy) {
    super(`${message} ${remedy}`.trim());
    this.status = status;
  }
}

export async function ask(path, parameters = {}, options = {}) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    for (const one of [value].flat()) {
      if (one !== "" && one !== null && one !== undefined) query.append(name, one);
    }
  }
  const text = query.toString();
  const answer = await fetch(text ? `${path}?${text}` : path, options);
  if (answer.status === 204) return null;
  const said = await answer.json().catch(() => ({}));
  if (!answer.ok) {
    const { message = `The service answered ${answer.status}.`, remedy = "" } = said.error ?? {};
    throw new Trouble(answer.status, message, remedy);
  }
  return said;
}

const named = (title) => title.split("/").map(encodeURIComponent).join("/");

export const titleAddress = (id) => `/v1/titles/${named(id)}`;
export const titles = (parameters) => ask("/v1/titles", parameters);
export const title = (id) => ask(`/v1/titles/${named(id)}`);
export const shots = (id) => ask(`/v1/titles/${named(id)}/shots`);
export const catalog = () => ask("/v1/catalog");
export const failures = () => ask("/v1/failures");
export const search = (parameters) => ask("/v1/search", parameters);
export const similar = (parameters) => ask("/v1/similar", parameters);
const sent = (method, body) => ({ method, headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
export const shelf = (parameters) => ask("/v1/catalogue", parameters);
export const facets = () => ask("/v1/facets");
export const find = (body, signal) => ask("/v1/search", {}, body instanceof FormData ? { method: "POST", body, signal } : { ...sent("POST", body), signal });
export const films = () => ask("/v1/films");
export const models = () => ask("/v1/models");
export const jobs = () => ask("/v1/jobs");
export const addJob = (job) => ask("/v1/jobs", {}, sent("POST", job));
export const cancelJob = (id) => ask(`/v1/jobs/${id}`, {}, { method: "DELETE" });
export const jobEvents = (id) => `/v1/jobs/${id}/events`;
export const who = () => ask("/v1/session");
export const enter = (key) =>
  ask("/v1/session", {}, sent("POST", { key }));

export const filmAddress = (id) => `/v1/media/${named(id)}`;
export const wordsAddress = (id) => `/v1/titles/${named(id)}/words.vtt`;
export const pictureAddress = (id, shot, revision) => `/v1/titles/${named(id)}/keyframes/${shot}?r=${revision}`;
