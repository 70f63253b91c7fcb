/** Labels for the selection, written into a file beside the study. */

import { type Context, pictures } from "../context";
import { button, h } from "../element";

export function labelling(context: Context): HTMLElement {
  const { dataset, store, notify } = context;
  const name = h("input", {
    class: "label-name",
    type: "text",
    list: "class-names",
    maxlength: 200,
    placeholder: "a class, or a new one",
    "aria-label": "Label of the selection",
    autocomplete: "off",
  });
  const names = h(
    "datalist",
    { id: "class-names" },
    ...dataset.scene.classes.map((value) => h("option", { value })),
  );
  const told = h("p", { class: "hint", role: "status" });
  const write = async (label: string | null, done: string) => {
    const { selection } = store.state;
    try {
      const { path, labelled, aside } = await dataset.label(selection, label);
      told.textContent = `${labelled.toLocaleString("en")} labelled and ${aside.toLocaleString("en")} set aside in ${path}. Your own files are as they were. Make a study of it: embedlens study "${path}" --out NEW-FOLDER`;
      notify(`${pictures(selection.length)} ${done}`);
    } catch (error) {
      told.textContent = `Not written: ${(error as Error).message}`;
    }
  };
  const form = h(
    "form",
    {
      class: "row labelling",
      onsubmit: (event: Event) => {
        event.preventDefault();
        const label = name.value.trim();
        if (label) void write(label, `labelled ${label}`);
        else name.focus();
      },
    },
    name,
    names,
    h("button", { type: "submit", class: "button" }, "Label"),
    button({
      label: "Set the selection aside: no label, in no study of the file",
      text: "Set aside",
      press: () => void write(null, "set aside"),
    }),
    button({
      label: "Give the selection its own labels again",
      text: "As it was",
      press: () => void write("", "as they were"),
    }),
  );
  return h("div", {}, h("h3", {}, "Labels"), form, told);
}
