/* The graph as a picture, as it looks now, and the recipe on the clipboard. */
(function () {
  const LARGEST = 8192; // pixels of a side; browsers draw no larger pictures
  const SHARP = 2; // pixels of the picture for one of the graph
  const [MARGIN, ROW, BOX, SHADES, LEGEND_WIDTH] = [12, 20, 14, 9, 340]; // of the legend, in pixels of the graph

  function fileName() {
    const { source } = explorer.recipe();
    return (source.startsWith("session:") ? "model" : source.split(":")[1]).replace(/[^\w.-]+/g, "-") + "-graph.png";
  }

  const token = (name) => getComputedStyle(document.documentElement).getPropertyValue("--" + name).trim();

  /* Each highlighted group, and the colours of the shading with what their ends mean. */
  function legend() {
    const { selection, pins } = explorer.graph;
    const rows = [...explorer.slots(selection, pins)].map(([name, slot]) => ({ name, slot }));
    const ends = ["least", "most"].map((end) => document.getElementById("shade-legend-" + end).textContent);
    return document.getElementById("shade-legend").hidden ? rows : [...rows, { ends }];
  }

  function drawGroup(ink, { name, slot }, y) {
    ink.fillStyle = token("hue-" + slot);
    ink.fillRect(MARGIN, y, BOX, BOX);
    ink.fillStyle = token("on-hue-" + slot);
    ink.fillText(explorer.letter(slot), MARGIN + 3.5, y + BOX / 2);
    ink.fillStyle = token("ink");
    ink.fillText(name, MARGIN + BOX + 7, y + BOX / 2);
  }

  function drawScale(ink, { ends: [least, most] }, y) {
    const start = MARGIN + ink.measureText(least).width + 6;
    ink.fillStyle = token("ink");
    ink.fillText(least, MARGIN, y + BOX / 2);
    ink.fillText(most, start + SHADES * BOX + 6, y + BOX / 2);
    [...Array(SHADES).keys()].forEach((step) => {
      ink.fillStyle = token("shade-" + step);
      ink.fillRect(start + step * BOX, y + 2, BOX, BOX - 4);
    });
  }

  /* The picture with what its colours mean below it. */
  async function withLegend(blob, scale, bg) {
    const [graph, rows, paper] = [await createImageBitmap(blob), legend(), document.createElement("canvas")];
    const below = rows.length ? rows.length * ROW + MARGIN : 0;
    paper.width = Math.max(graph.width + 2 * MARGIN * scale, rows.length ? LEGEND_WIDTH * scale : 0);
    paper.height = graph.height + (2 * MARGIN + below) * scale;
    const ink = paper.getContext("2d");
    ink.fillStyle = bg;
    ink.fillRect(0, 0, paper.width, paper.height);
    ink.drawImage(graph, MARGIN * scale, MARGIN * scale);
    ink.scale(scale, scale);
    Object.assign(ink, { font: "11px " + token("font"), textBaseline: "middle" });
    rows.forEach((row, number) => {
      const y = graph.height / scale + 2 * MARGIN + number * ROW;
      if (row.ends) drawScale(ink, row, y);
      else drawGroup(ink, row, y);
    });
    return new Promise((done) => paper.toBlob(done, "image/png"));
  }
  let plan = null; // the key of the recipe when the page was last calm

  window.dash_clientside = window.dash_clientside || {};
  window.dash_clientside.takeAway = {
    async png(clicks) {
      const cy = explorer.cy();
      if (!clicks || !cy) return;
      const { w, h } = cy.elements().boundingBox();
      const more = { w: 2 * MARGIN, h: legend().length * ROW + 3 * MARGIN };
      const scale = Math.min(SHARP, LARGEST / Math.max(w + more.w, LEGEND_WIDTH), LARGEST / (h + more.h));
      const bg = token("canvas");
      const blob = await withLegend(cy.png({ full: true, scale, bg, output: "blob" }), scale, bg);
      const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(blob), download: fileName() });
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 1000);
    },
    /* Whether what an export says is hidden: once another plan is on the page. */
    settled(key) {
      const isOther = plan !== null && plan !== key;
      plan = key;
      return isOther || window.dash_clientside.no_update;
    },
    copyRecipe(clicks) {
      if (clicks) explorer.copy(JSON.stringify(explorer.recipe(), null, 1) + "\n", "Recipe copied, as JSON.");
    },
  };
})();
