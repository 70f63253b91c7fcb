/** What is known of a picture under a map, a line each. */

import { classColumn, type Context } from "../context";
import type { Column, SceneMap } from "../scene";

/** Columns of interest for a picture: its class, what this backbone predicts, its silhouette here, and what colours it. */
export function columnsOfInterest({ dataset, store }: Context, map: SceneMap): Column[] {
  const columns = [
    dataset.columnOf("class"),
    dataset.columnOf("prediction", map),
    dataset.columnOf("confidence", map),
    dataset.column(map.silhouetteColumn ?? ""),
    dataset.column(store.state.colour),
  ];
  return columns.filter((column, k): column is Column => !!column && columns.indexOf(column) === k);
}

/** Name and value pairs; a prediction says where it is known to be wrong. */
export function facts(
  context: Context,
  map: SceneMap,
  i: number,
): { name: string; value: string; wrong: boolean }[] {
  const { dataset } = context;
  const classes = classColumn(context);
  const truth = classes && dataset.category(classes, i);
  return columnsOfInterest(context, map).map((column) => {
    const predicted =
      column.role === "prediction" && column.kind === "category" ? dataset.category(column, i) : undefined;
    const wrong = truth !== undefined && predicted !== undefined && predicted !== truth;
    // Of another backbone than the map's, the whole name says of which.
    const own = column.backbone === undefined || column.backbone === map.backbone;
    return { name: (own && column.shortName) || column.name, value: dataset.word(column, i), wrong };
  });
}
