/** Search by file, by class, or by conditions on any column. */

import { classColumn, type Context, leadingMap, pictures } from "../context";
import { h, icon } from "../element";
import { findPictures, hasConditions, parseQuery, type Term } from "../query";
import { where } from "../selection";

const CLASSES = 6;
const LISTED = 12;
const PAUSE_MS = 150;

export interface Search {
  element: HTMLElement;
  focus(): void;
}

export function search(context: Context): Search {
  const results = h("div", { class: "results", hidden: true });
  let timer: number | undefined;
  const input = h("input", {
    type: "search",
    placeholder: "Search, or class:name",
    "aria-label": "Search files and classes",
    "aria-keyshortcuts": "/",
    title:
      "Search (/): a part of a file or class, or conditions such as class:name -split:test confidence<.6",
    autocomplete: "off",
    spellcheck: "false",
    oninput: () => {
      clearTimeout(timer);
      timer = window.setTimeout(() => void find(), PAUSE_MS);
    },
    onkeydown: (event: KeyboardEvent) => {
      if (event.key === "Enter") void find().then(() => results.querySelector("button")?.click());
      if (event.key === "Escape") clear();
      if (event.key === "ArrowDown") results.querySelector("button")?.focus();
    },
  });
  const find = async () => {
    clearTimeout(timer);
    const found = await choices(context, input.value.trim(), clear);
    results.replaceChildren(...found);
    results.hidden = found.length === 0;
  };
  const clear = () => {
    clearTimeout(timer);
    input.value = "";
    results.hidden = true;
    results.replaceChildren();
    input.blur();
  };
  results.addEventListener("keydown", (event) => moveFocus(event, results, input, clear));
  const element = h("div", { class: "search", role: "search" }, icon("search"), input, results);
  element.addEventListener("focusout", (event) => {
    if (!element.contains(event.relatedTarget as Node | null)) results.hidden = true;
  });
  input.addEventListener("focus", () => (results.hidden = results.childElementCount === 0));
  return { element, focus: () => input.focus() };
}

async function choices(context: Context, text: string, done: () => void): Promise<HTMLElement[]> {
  if (text === "") return [];
  const terms = parseQuery(text);
  const found: HTMLElement[] = [];
  const offer: Offer = (label, note, act, extra) =>
    found.push(
      h(
        "button",
        { type: "button", class: "result", onclick: () => (act(), done()) },
        extra,
        h("span", { class: "name" }, label),
        h("span", { class: "count" }, note),
      ),
    );
  try {
    await (hasConditions(terms)
      ? offerMatches(context, text, terms, offer)
      : offerNames(context, text, offer));
  } catch (error) {
    return [h("p", { class: "hint" }, (error as Error).message)];
  }
  return found.length > 0 ? found : [h("p", { class: "hint" }, "Nothing shown matches this.")];
}

type Offer = (label: string, note: string, act: () => void, extra?: HTMLElement) => void;

/** Classes and files whose names hold a text. */
async function offerNames(context: Context, text: string, offer: Offer): Promise<void> {
  const { dataset, store } = context;
  const column = classColumn(context);
  const codes = column && (await dataset.values(column));
  const { shown } = store.state;
  const part = text.toLocaleLowerCase();
  const named = [...(column?.categories.entries() ?? [])].filter(([, name]) =>
    name.toLocaleLowerCase().includes(part),
  );
  for (const [code, name] of named.slice(0, CLASSES)) {
    const members = where(shown, (i) => codes?.[i] === code);
    offer(name, `class, ${pictures(members.length)}`, () => context.select(members));
  }
  const paths = await dataset.paths();
  const files = Uint32Array.from(paths?.search(text).filter((i) => shown[i]) ?? []);
  if (files.length > 0) offer(`Files with “${text}”`, pictures(files.length), () => context.select(files));
  offerPictures(context, files, offer);
}

/** What all conditions hold for. */
async function offerMatches(context: Context, text: string, terms: Term[], offer: Offer): Promise<void> {
  const { dataset, store } = context;
  const found = await findPictures(terms, dataset, leadingMap(context), store.state.shown);
  if (found.length === 0) return;
  offer(`Select ${text}`, pictures(found.length), () => context.select(found));
  offerPictures(context, found, offer);
}

function offerPictures({ dataset, open }: Context, indices: Uint32Array, offer: Offer): void {
  for (const i of indices.subarray(0, LISTED)) {
    const thumbnail = dataset.thumbnails?.element(i, 28, "");
    thumbnail?.setAttribute("aria-hidden", "true");
    offer(dataset.name(i), "", () => open(i), thumbnail);
  }
}

function moveFocus(event: KeyboardEvent, results: HTMLElement, input: HTMLElement, clear: () => void): void {
  const buttons = [...results.querySelectorAll("button")];
  const at = buttons.indexOf(event.target as HTMLButtonElement);
  if (event.key === "ArrowDown") buttons[Math.min(at + 1, buttons.length - 1)]?.focus();
  else if (event.key === "ArrowUp") (at <= 0 ? input : buttons[at - 1]).focus();
  else if (event.key === "Escape") clear();
  else return;
  event.preventDefault();
  event.stopPropagation();
}
