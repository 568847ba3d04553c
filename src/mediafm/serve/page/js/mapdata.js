// A map as the service tells it: where each point lies, what it is, and what it can be coloured by.

import { ask, Trouble } from "./api.js";
import { category, grey, ramp } from "./palette.js";

const NAMED = 15; // categories with a colour of their own; the rest is grey
const ATTEMPTS = 3; // a map may be drawn anew between two questions

export async function load(features, unit) {
  for (let attempt = 1; ; attempt += 1) {
    const about = await ask("/v1/map", { features, unit });
    const query = new URLSearchParams({ features, unit, version: about.version });
    const answer = await fetch(`/v1/map/points?${query}`);
    if (answer.ok) return new MapData(about, await answer.arrayBuffer());
    if (answer.status !== 409 || attempt === ATTEMPTS) throw new Trouble(answer.status, "The points of the map did not come.", "Open it again.");
  }
}

export class MapData {
  constructor(about, buffer) {
    const n = about.points;
    this.about = about;
    this.count = n;
    this.starts = new Float32Array(buffer, 8 * n, n);
    this.cluster = new Int16Array(buffer, 12 * n, n);
    this.titleOf = new Int32Array(n);
    this.firstOf = [];
    let row = 0;
    about.titles.forEach((title, number) => {
      this.firstOf.push(row);
      this.titleOf.fill(number, row, row + title.points);
      row += title.points;
    });
    this.rowOfTitle = new Map(about.titles.map((title, number) => [title.title, this.firstOf[number]]));
    this.places = fitted(new Float32Array(buffer, 0, 2 * n));
  }

  title(row) { return this.about.titles[this.titleOf[row]]; }
  shot(row) { return row - this.firstOf[this.titleOf[row]]; }
  has(row) { return !Number.isNaN(this.places[2 * row]); }
  // The row of a title's shot; -1 where it is not on this map.
  rowOf(title, shot) {
    const first = this.rowOfTitle.get(title);
    const points = first === undefined ? 0 : this.about.titles[this.titleOf[first]].points;
    return shot < points ? first + shot : -1;
  }
  // The shot a picture of a point shows.
  pictured(row) { return this.about.unit === "shot" ? this.shot(row) : Math.floor(this.title(row).shots / 3); }
  seconds(row) { return this.about.unit === "shot" ? this.starts[row] : 0; }
  name(row) { const title = this.title(row); return title.name || title.title; }
  clusterName(number) {
    const { words, typical } = this.about.clusters[number];
    if (words.length) return words.slice(0, 3).join(", ");
    const titles = [...new Set(typical.map((t) => this.about.titles.find((other) => other.title === t.title)?.name || t.title))];
    return `near ${titles.slice(0, 2).join(", ") || "nothing"}`;
  }

  // What points can be coloured by: names of categories with counts, and the category of each point (-1: none).
  colouring(by) {
    if (by === "place") return this.gradient();
    const of = {
      cluster: (row) => (this.cluster[row] < 0 ? null : this.clusterName(this.cluster[row])),
      title: (row) => this.name(row),
      genre: (row) => this.title(row).genres[0] ?? null,
      tag: (row) => this.title(row).tags[0] ?? null,
    }[by];
    const key = by === "cluster" ? (row) => this.cluster[row] : (row) => this.titleOf[row];
    const known = new Map(); // of a cluster or a title, once for all of its points
    const names = new Map();
    const category_of = new Int32Array(this.count).fill(-1);
    for (let row = 0; row < this.count; row += 1) {
      if (!this.has(row)) continue;
      const which = key(row);
      if (!known.has(which)) known.set(which, by === "cluster" ? `${which}\n${of(row)}` : of(row));
      const name = known.get(which) ?? "none";
      if (!names.has(name)) names.set(name, { number: names.size, count: 0 });
      const found = names.get(name);
      found.count += 1;
      category_of[row] = found.number;
    }
    const order = [...names].sort((a, b) => b[1].count - a[1].count);
    const place = new Int32Array(order.length);
    order.forEach(([, found], rank) => { place[found.number] = rank; });
    for (let row = 0; row < this.count; row += 1) if (category_of[row] >= 0) category_of[row] = place[category_of[row]];
    const groups = order.map(([name, { count }], rank) => ({
      name: name.slice(name.indexOf("\n") + 1),
      count,
      colour: name === "none" || rank > NAMED ? grey() : category(rank),
    }));
    return { groups, of: category_of, colour: (row) => groups[category_of[row]]?.colour ?? grey() };
  }

  gradient() {
    const steps = 5;
    const share = (row) => (this.about.unit === "title" ? 0.5 : this.shot(row) / Math.max(1, this.title(row).points - 1));
    const of = new Int32Array(this.count).fill(-1);
    const names = ["first fifth", "second fifth", "middle", "fourth fifth", "last fifth"];
    const groups = names.map((name, i) => ({ name, count: 0, colour: ramp((i + 0.5) / steps) }));
    for (let row = 0; row < this.count; row += 1) {
      if (!this.has(row)) continue;
      of[row] = Math.min(steps - 1, Math.floor(share(row) * steps));
      groups[of[row]].count += 1;
    }
    return { groups, of, colour: (row) => ramp(share(row)) };
  }
}

// Into a square of -1..1, whatever the units; as tall as wide, so that distances stay distances.
function fitted(places) {
  const range = [0, 1].map((axis) => {
    let [low, high] = [Infinity, -Infinity];
    for (let i = axis; i < places.length; i += 2) { if (places[i] < low) low = places[i]; if (places[i] > high) high = places[i]; }
    return [low, high];
  });
  const reach = Math.max(...range.map(([low, high]) => (high - low) / 2), 1e-9);
  const middle = range.map(([low, high]) => (low + high) / 2);
  return places.map((value, i) => (value - middle[i % 2]) / reach);
}
