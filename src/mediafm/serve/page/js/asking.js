// What is being looked for, and how it is written into the address, so that a search can be kept and sent to others.

export const KINDS = ["words", "like", "image", "sound"];
export const FILTERS = ["genre", "tag", "since", "until", "title", "after", "before"];
export const PLAIN = ["unit", "by", ...FILTERS, "twins"];

// Files cannot stand in an address: they are kept for as long as the page is open.
export const files = { image: null, sound: null };

export function read(parameters) {
  const asked = { words: parameters.get("words") ?? "", like: parameters.getAll("like"), weights: {}, unit: "shot", by: "" };
  for (const kind of KINDS) {
    const weight = Number(parameters.get(`w.${kind}`) ?? 1);
    asked.weights[kind] = Number.isFinite(weight) && weight ? weight : 1;
  }
  for (const name of PLAIN) asked[name] = parameters.get(name) ?? asked[name] ?? "";
  for (const kind of ["image", "sound"]) asked[kind] = parameters.has(kind);
  return asked;
}

export function write(asked) {
  const written = new URLSearchParams();
  if (asked.words.trim()) written.set("words", asked.words.trim());
  for (const place of asked.like) written.append("like", place);
  for (const kind of ["image", "sound"]) if (files[kind]) written.set(kind, files[kind].name || kind);
  for (const kind of parts(asked)) if (asked.weights[kind] !== 1) written.set(`w.${kind}`, asked.weights[kind]);
  for (const name of PLAIN) if (asked[name] && asked[name] !== { unit: "shot" }[name]) written.set(name, asked[name]);
  return written;
}

export function parts(asked) {
  return KINDS.filter((kind) => (kind === "words" ? asked.words.trim() : kind === "like" ? asked.like.length : files[kind]));
}

// The question as the service takes it: JSON, or a form where files go with it.
export function question(asked, sets, k) {
  const there = parts(asked);
  const document = { words: asked.words.trim(), like: asked.like, unit: asked.unit, k, explain: true, fold: !asked.twins };
  if (there.length > 1) document.weights = Object.fromEntries(there.map((kind) => [kind, asked.weights[kind]]));
  const context = sets[0];
  if (asked.like.length) {
    if (asked.by === "own" || !context) document.features = ["concat"];
    else document.features = asked.by === "both" ? [context, "concat"] : [sets.includes(asked.by) ? asked.by : context];
  }
  const where = [asked.genre && `genre=${asked.genre}`, asked.tag && `tag=${asked.tag}`, asked.since && `year>=${asked.since}`, asked.until && `year<=${asked.until}`].filter(Boolean);
  if (where.length) document.where = where;
  if (asked.title) document.titles = [asked.title];
  for (const name of ["after", "before"]) if (asked[name]) document[name] = Number(asked[name]) * 60;
  if (!files.image && !files.sound) return document;
  const form = new FormData();
  form.set("request", JSON.stringify(document));
  for (const kind of ["image", "sound"]) if (files[kind]) form.set(kind, files[kind]);
  return form;
}
