const place = document.getElementById("viewer");
const note = document.getElementById("viewer-note");

async function unpack(text) {
  const bytes = Uint8Array.from(atob(text.trim()), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).blob();
}

async function start() {
  const module = await unpack(document.querySelector("script[data-bundle]").textContent);
  const address = URL.createObjectURL(new Blob([module], { type: "text/javascript" }));
  const { mount, inlineSource } = await import(address);
  URL.revokeObjectURL(address);
  window.viewer = mount(place, inlineSource(document));
  await window.viewer.ready;
}

function giveUp(reason) {
  document.documentElement.classList.remove("live");
  note.textContent = `The 3-D viewer does not run here: ${reason} The figure below shows the same map.`;
  note.hidden = false;
}

if (!document.createElement("canvas").getContext("webgl2")) {
  giveUp("this browser has no WebGL 2.");
} else if (typeof DecompressionStream === "undefined") {
  giveUp("this browser is too old.");
} else {
  document.documentElement.classList.add("live");
  const watch = new IntersectionObserver(
    (entries) => {
      if (!entries.some((entry) => entry.isIntersecting)) return;
      watch.disconnect();
      start().catch((error) => giveUp(`${error.message ?? error}`));
    },
    { rootMargin: "100% 0px" },
  );
  watch.observe(place);
}
