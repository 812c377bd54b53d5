/* What lies under the pointer, in words, beside it. */
(function () {
  const explorer = (window.explorer = window.explorer || {});
  const LONG = 300; // milliseconds that a pointer rests first
  let waiting = 0;

  const groupsText = (groups) =>
    groups.length ? (groups.length === 1 ? `group ${groups[0]}` : `${groups.length} groups`) : "";

  /* What goes together there, or why nothing can. */
  explorer.coupling = (data) => data.reason || groupsText(data.groups);

  function edgeLines(data) {
    const ends = [data.source, data.target].map((id) => id.replace(/^(layer|fold|module):/, ""));
    return [`${ends[0]} → ${ends[1]}`, data.shapes, data.via, explorer.coupling(data)];
  }

  function portLines(data) {
    const side = data.side === "-" ? "comes in (f−)" : "goes out (f+)";
    return [data.port, `what ${side}: ${data.size || "nothing"}`, explorer.coupling(data)];
  }

  function boxLines(data) {
    const hint = { fold: "+ or double-click opens it", module: "− or double-click closes it" }[data.kind];
    return [data.name, data.type, data.shape && `out ${data.shape}`, hint];
  }

  function lines(element) {
    const data = element.data();
    if (element.isEdge()) return edgeLines(data);
    if (data.kind === "input" || data.kind === "output") return [];
    return data.kind === "port" ? portLines(data) : boxLines(data);
  }

  function place(tip, element) {
    const box = element.renderedBoundingBox({ includeLabels: false });
    const [w, h] = [tip.parentElement.clientWidth, tip.parentElement.clientHeight];
    const isBelow = box.y2 + tip.offsetHeight + 12 < h;
    tip.style.left = Math.max(8, Math.min(Math.max(box.x1, 8), w - tip.offsetWidth - 8)) + "px";
    tip.style.top = (isBelow ? Math.max(box.y2, 0) + 8 : Math.max(8, box.y1 - tip.offsetHeight - 8)) + "px";
  }

  explorer.showTip = function (element) {
    clearTimeout(waiting);
    waiting = setTimeout(() => {
      const tip = document.getElementById("graph-tip");
      const said = lines(element).filter(Boolean);
      if (!tip || !said.length || element.removed()) return;
      tip.replaceChildren(...said.map((text) => Object.assign(document.createElement("div"), { textContent: text })));
      tip.hidden = false;
      place(tip, element);
    }, LONG);
  };

  explorer.hideTip = function () {
    clearTimeout(waiting);
    const tip = document.getElementById("graph-tip");
    if (tip) tip.hidden = true;
  };
})();
