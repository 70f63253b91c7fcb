/** What is typed into the search: words, and conditions on columns, all of which must hold. */

import type { Dataset, Values } from "./dataset";
import type { CategoryColumn, Column, SceneMap } from "./scene";
import { where } from "./selection";

export type Relation = ":" | "<" | "<=" | ">" | ">=";

export interface Term {
  negated: boolean;
  /** The column meant, as it was typed; null: the file or the class. */
  field: string | null;
  relation: Relation;
  value: string;
  /** Quotes stood about the value: it is one name, whatever commas it has. */
  quoted: boolean;
}

/** What is wrong with a query, in words for who typed it. */
export class QueryError extends Error {}

const FILE = ["file", "path"];
const NAMED = 6;

// A column's name, and a relation that may have blanks about it: `class: rose`, `confidence < .6`.
const TERM = /(-?)(?:("[^"]*"|[^\s:<>="]+?)\s*(!=|:|<=|>=|<|>|=)\s*)?("[^"]*"?|[^\s"]+)/g;
// A day, or the beginning of one, and perhaps a time: such texts stand in the order of time.
const DATE = /^\d{4}(-\d{2}(-\d{2}([T ]\d{2}(:\d{2}(:\d{2}(\.\d+)?)?)?)?)?)?$/;

/** Split a text into its terms: `class:rose -split:test confidence<.6 "two words"`. */
export function parseQuery(text: string): Term[] {
  return Array.from(text.matchAll(TERM), ([, minus, field, relation, value]) => ({
    negated: (minus === "-") !== (relation === "!="),
    field: (field as string | undefined) === undefined ? null : bare(field),
    relation: ((relation as string | undefined) ?? ":").replace(/^!?=$/, ":") as Relation,
    value: bare(value),
    quoted: value.startsWith('"'),
  }));
}

/** Whether a query asks more than "where is this text": that is searched for as it stands. */
export function hasConditions(terms: readonly Term[]): boolean {
  return terms.some(({ field, negated }) => field !== null || negated);
}

/**
 * The shown pictures that all terms hold for. A field is a column's name or its beginning; of several
 * the one of `map` is meant. Throws a QueryError where a field or a category is none.
 */
export async function findPictures(
  terms: readonly Term[],
  dataset: Dataset,
  map: SceneMap,
  shown: Uint8Array,
): Promise<Uint32Array> {
  const tests = await Promise.all(terms.map((term) => testOf(term, dataset, map)));
  return where(shown, (i) => tests.every((test) => test(i)));
}

type Test = (i: number) => boolean;

async function testOf(term: Term, dataset: Dataset, map: SceneMap): Promise<Test> {
  const holds =
    term.field === null
      ? await fileOrClass(term.value, dataset)
      : FILE.includes(term.field.toLowerCase())
        ? await inFile(term.value, dataset)
        : await inColumn(term, dataset, map);
  return term.negated ? (i) => !holds(i) : holds;
}

async function inFile(part: string, dataset: Dataset): Promise<Test> {
  const found = new Set((await dataset.paths())?.search(part));
  return (i) => found.has(i);
}

async function fileOrClass(part: string, dataset: Dataset): Promise<Test> {
  const inPath = await inFile(part, dataset);
  const column = dataset.columnOf("class");
  if (column?.kind !== "category") return inPath;
  const values = await dataset.values(column);
  const codes = new Set(codesWith(column, part));
  return (i) => codes.has(values[i]) || inPath(i);
}

async function inColumn(term: Term, dataset: Dataset, map: SceneMap): Promise<Test> {
  const column = columnNamed(term.field!, dataset.scene.columns, map);
  const values = await dataset.values(column);
  return column.kind === "number" ? ofNumbers(term, column, values) : ofCategories(term, column, values);
}

/** The column that a field means: the whole name before a part of it, this map's before others'. */
export function columnNamed(field: string, columns: readonly Column[], map: SceneMap): Column {
  const wanted = letters(field);
  const rank = (column: Column): number => {
    const names = [column.shortName ?? column.name, column.name, column.id].map(letters);
    const match = names.includes(wanted) ? 0 : names.some((name) => name.startsWith(wanted)) ? 1 : Infinity;
    const own = column.id === map.silhouetteColumn ? 0 : column.backbone === map.backbone ? 1 : 2;
    return match * 4 + (column.backbone === undefined ? 0 : own);
  };
  const [best] = [...columns].sort((a, b) => rank(a) - rank(b));
  if (wanted === "" || (best as Column | undefined) === undefined || rank(best) === Infinity) {
    const names = [...new Set(columns.map((column) => column.shortName ?? column.name))];
    throw new QueryError(`No column is called “${field}”. There are file, ${listed(names)}.`);
  }
  return best;
}

/** `low..high` or a number; a picture without a value passes no test. */
function ofNumbers({ field, relation, value }: Term, column: Column, values: Values): Test {
  const ends = value.split("..").map((end) => (end.trim() === "" ? NaN : Number(end)));
  const [low, high = low] = ends;
  if (ends.length > 2 || ends.some(Number.isNaN) || (ends.length === 2 && relation !== ":")) {
    throw new QueryError(
      `“${value}” is no number; ${column.shortName ?? column.name} takes ${field}<0.6 or ${field}:0.2..0.6.`,
    );
  }
  const tests: Record<Relation, (x: number) => boolean> = {
    ":": (x) => x >= Math.fround(low) && x <= Math.fround(high),
    "<": (x) => x < Math.fround(low),
    "<=": (x) => x <= Math.fround(low),
    ">": (x) => x > Math.fround(low),
    ">=": (x) => x >= Math.fround(low),
  };
  return (i) => tests[relation](values[i]);
}

/** A category, or several with commas between; a part of its name where none is called so. */
function ofCategories(term: Term, column: CategoryColumn, values: Values): Test {
  const { relation, value, quoted } = term;
  if (relation !== ":") return ofDates(term, column, values);
  const codes = new Set<number>();
  const whole = quoted || codesCalled(column, value).length > 0;
  for (const part of whole ? [value] : value.split(",").filter((each) => each.trim() !== "")) {
    const exact = codesCalled(column, part);
    const found = exact.length > 0 ? exact : codesWith(column, part);
    if (found.length === 0) {
      throw new QueryError(
        `No ${column.shortName ?? column.name} is called “${part}”. There are ${listed(column.categories)}.`,
      );
    }
    found.forEach((code) => codes.add(code));
  }
  return (i) => codes.has(values[i]);
}

/** Days and times, as texts: `taken<2020-05` is what comes before May, `taken<=2020-05` takes May with it. */
function ofDates({ field, relation, value }: Term, column: CategoryColumn, values: Values): Test {
  const { categories } = column;
  const name = column.shortName ?? column.name;
  const known = categories.filter((each) => DATE.test(each));
  if (known.length === 0) throw new QueryError(`${name} has no order; write ${field}:${value}.`);
  if (!DATE.test(value)) throw new QueryError(`“${value}” is no date; ${name} takes ${field}<${known[0]}.`);
  const wanted = value.replace(" ", "T");
  const holds = categories.map((each) => {
    const date = each.replace(" ", "T");
    const before = date < wanted;
    const within = date.startsWith(wanted);
    const tests = {
      "<": before,
      "<=": before || within,
      ">": !before && !within,
      ">=": !before,
      ":": within,
    };
    return DATE.test(each) && tests[relation];
  });
  return (i) => holds[values[i]] ?? false;
}

function codesCalled(column: CategoryColumn, name: string): number[] {
  const wanted = name.toLocaleLowerCase();
  return [...column.categories.keys()].filter(
    (code) => column.categories[code].toLocaleLowerCase() === wanted,
  );
}

function codesWith(column: CategoryColumn, part: string): number[] {
  const wanted = part.toLocaleLowerCase();
  return [...column.categories.keys()].filter((code) =>
    column.categories[code].toLocaleLowerCase().includes(wanted),
  );
}

function bare(text: string): string {
  return text.replaceAll('"', "");
}

function letters(text: string): string {
  return text.toLocaleLowerCase().replace(/[^\p{L}\p{N}]/gu, "");
}

function listed(names: readonly string[]): string {
  const more = names.length - NAMED;
  return names.slice(0, NAMED).join(", ") + (more > 0 ? ` and ${more} more` : "");
}
