/** Decisions on the selection: another label, or none. */

import { type Context, pictures } from "../context";
import { type Decision, withDecision } from "../decisions";
import { button, h } from "../element";
import { cleaned } from "./cleaned";

export function labelling(context: Context): HTMLElement {
  const { store, notify } = context;
  const name = labelInput(context, "Label of the selection", "class-names");
  const decide = (decision: Decision | null, done: string) => {
    const { selection, decisions } = store.state;
    store.set({ decisions: withDecision(decisions, selection, decision) });
    notify(`${pictures(selection.length)} ${done}`);
  };
  const form = h(
    "form",
    {
      class: "row labelling",
      onsubmit: (event: Event) => {
        event.preventDefault();
        const to = name.field.value.trim();
        if (to) decide({ to }, `labelled ${to}`);
        else name.field.focus();
      },
    },
    name.field,
    name.choices,
    h("button", { type: "submit", class: "button" }, "Label"),
    button({
      label: "Drop the selection: no label, in no study of the table",
      text: "Drop",
      press: () => decide("drop", "dropped"),
    }),
    button({
      label: "Give the selection its own labels again",
      text: "As it was",
      press: () => decide(null, "as they were"),
    }),
  );
  return h("div", {}, h("h3", {}, "Labels"), form, cleaned(context));
}

/** A field for a class, known or new. */
export function labelInput(
  { dataset }: Context,
  label: string,
  id: string,
): { field: HTMLInputElement; choices: HTMLElement } {
  const field = h("input", {
    class: "label-name",
    type: "text",
    list: id,
    maxlength: 200,
    placeholder: "a class, or a new one",
    "aria-label": label,
    autocomplete: "off",
  });
  const choices = h("datalist", { id }, ...dataset.scene.classes.map((value) => h("option", { value })));
  return { field, choices };
}
