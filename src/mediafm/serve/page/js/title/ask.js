// What is asked about the inside of a title.

import { ask, titleAddress, Trouble } from "../api.js";

// All of them: the service gives some thousand at a time.
export async function shots(id) {
  const found = [];
  for (let total = 1; found.length < total;) {
    const part = await ask(`${titleAddress(id)}/shots`, { first: found.length });
    found.push(...part.shots);
    total = part.shots.length ? part.total : 0;
  }
  return found;
}

export const features = (id) => ask(`${titleAddress(id)}/features`);
export const tags = (id, features) => ask(`${titleAddress(id)}/tags`, { features });
export const chapters = (id) => ask(`${titleAddress(id)}/chapters`);

// Cells of likeness: a byte each, and what the bytes mean.
export async function matrix(id, parameters, signal) {
  const answer = await fetch(`${titleAddress(id)}/matrix?${new URLSearchParams(parameters)}`, { signal });
  if (!answer.ok) {
    const { error = {} } = await answer.json().catch(() => ({}));
    throw new Trouble(answer.status, error.message ?? `The service answered ${answer.status}.`, error.remedy ?? "");
  }
  return { ...JSON.parse(answer.headers.get("x-matrix")), cells: new Uint8Array(await answer.arrayBuffer()) };
}
