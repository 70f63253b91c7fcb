/** The selection as a file: CSV (RFC 4180) and JSON. */

import type { Dataset } from "./dataset";
import type { Column } from "./scene";

type Cell = string | number | null;

export interface Table {
  header: string[];
  rows: Cell[][];
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
