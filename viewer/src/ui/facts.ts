/** What is known of a picture under a map, a line each. */

import { type Context } from "../context";
import { backboneKey, type Column, type SceneMap } from "../scene";

/** Columns of interest for a picture: its class, what this backbone predicts, its silhouette here, and what colours it. */
export function columnsOfInterest({ dataset, store }: Context, map: SceneMap): Column[] {
  const key = backboneKey(map);
  const ids = ["class", `predicted:${key}`, `confidence:${key}`, map.silhouetteColumn, store.state.colour];
  const columns = ids.map((id) => (id ? dataset.column(id) : undefined));
  return columns.filter((column, k): column is Column => !!column && columns.indexOf(column) === k);
}

/** A column's name in few words. */
export function shortName(column: Column): string {
  return column.id.includes(":") ? column.id.slice(0, column.id.indexOf(":")) : column.name;
}

/** Name and value pairs; the prediction says whether it is right. */
export function facts(
  context: Context,
  map: SceneMap,
  i: number,
): { name: string; value: string; wrong: boolean }[] {
  const { dataset } = context;
  const classes = dataset.column("class");
  const truth = classes && dataset.word(classes, i);
  return columnsOfInterest(context, map).map((column) => {
    const value = dataset.word(column, i);
    const wrong = column.id.startsWith("predicted:") && value !== truth && value !== "–" && value !== "…";
    return { name: shortName(column), value, wrong };
  });
}
