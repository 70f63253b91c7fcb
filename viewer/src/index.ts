/** The doors of the viewer: a page, a server, a notebook. */

import type { ViewerOptions } from "./page";
import { inlineSource, serverSource, type Source } from "./source";
import { Viewer } from "./viewer";
import { render } from "./widget";

export { inlineSource, serverSource };
export type { Source, Viewer, ViewerOptions };

/** Show the scene of a source in an element, which gives it its size. */
export function mount(element: HTMLElement, source: Source, options: ViewerOptions = {}): Viewer {
  return new Viewer(element, source, options);
}

export default { render };

// The server's page says where its scene lies, and holds no script of its own.
const page = document.querySelector<HTMLElement>("[data-embedlens]");
if (page) {
  Object.assign(page.style, { position: "fixed", inset: "0" });
  // No pulling down to load anew while one turns the map.
  document.documentElement.style.overscrollBehavior = "none";
  const viewer = mount(page, serverSource(page.dataset.embedlens || "."), { embedded: false });
  Object.assign(window, { viewer });
}
