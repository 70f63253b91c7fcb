/** The selection as a file: CSV (RFC 4180) and JSON. */

import type { Decisions } from "./decisions";
import type { Dataset } from "./dataset";
import type { Column } from "./scene";

type Cell = string | number | null;

export interface Table {
  header: string[];
  rows: Cell[][];
}

/** The image set with what was decided, as the server writes it: a row a picture. */
export async function cleanedTable(dataset: Dataset, decisions: Decisions): Promise<Table> {
  const classes = dataset.columnOf("class");
  const codes = classes && (await dataset.values(classes));
  const names = ["path", "split", "group"];
  const texts = await Promise.all(names.map((name) => dataset.tableColumn(name)));
  const [path, split, group] = texts;
  const rows = Array.from({ length: dataset.count }, (_, i) => {
    const decision = decisions.get(i);
    const was = (classes && codes && cell(classes, codes[i])) ?? "";
    const label = typeof decision === "object" ? decision.to : decision === "drop" ? "" : was;
    const done = typeof decision === "object" ? "labelled" : decision === "drop" ? "set aside" : "kept";
    return [
      path?.at(i) ?? "",
      label,
      ...[split, group].filter((text) => text !== null).map((text) => text.at(i)),
      was,
      decision === undefined ? "" : done,
    ];
  });
  const given = names.slice(1).filter((_, k) => texts[k + 1] !== null);
  return { header: ["path", "label", ...given, "was", "viewer"], rows };
}

/** A row a picture: its number, its file, and every column; values that are not known are empty. */
export async function tableOf(dataset: Dataset, indices: ArrayLike<number>): Promise<Table> {
  const { columns } = dataset.scene;
  const paths = await dataset.paths();
  const values = await Promise.all(columns.map((column) => dataset.values(column)));
  const header = ["picture", ...(paths ? ["path"] : []), ...columns.map((column) => column.id)];
  const rows = Array.from(indices, (i) => [
    i,
    ...(paths ? [paths.at(i)] : []),
    ...columns.map((column, k) => cell(column, values[k][i])),
  ]);
  return { header, rows };
}

function cell(column: Column, value: number): Cell {
  if (column.kind === "category") return column.categories[value] ?? null;
  return Number.isNaN(value) ? null : Number(value.toPrecision(7));
}

export function toCsv({ header, rows }: Table): string {
  return [header, ...rows].map((row) => row.map(quoted).join(",")).join("\r\n") + "\r\n";
}

export function toJson({ header, rows }: Table): string {
  const records = rows.map((row) => Object.fromEntries(header.map((name, k) => [name, row[k]])));
  return JSON.stringify(records, null, 1) + "\n";
}

function quoted(value: Cell): string {
  const text = value === null ? "" : `${value}`;
  return /[",\r\n]|^\s|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

export function download(name: string, content: Blob): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(content);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

/** A title as a name of a file. */
export function fileName(title: string, suffix: string): string {
  const stem = title.replace(/[^\p{L}\p{N}._-]+/gu, "-").replace(/^[-.]+|[-.]+$/g, "");
  return `${stem || "embedlens"}-${suffix}`;
}
