/* What the layers are coloured by. A mode gives each box a value from 0 to 1, or none, and says what its ends mean. */
(function () {
  const explorer = (window.explorer = window.explorer || {});
  const STEPS = 9;
  let mode = "none";
  let isPainted = false;

  const percent = (share) => (share && share < 0.0995 ? (100 * share).toFixed(1) : Math.round(100 * share)) + " %";

  explorer.groupsMadeBy = function (node) {
    const made = node.hasClass("fold") ? node.data("groups") : node.children(".port[side = '+']").map((port) => port.data("groups")).flat();
    return [...new Set(made)];
  };

  /* The share of channels that go, of those that a layer makes or a module holds. */
  function removed(node, preview) {
    const counts = explorer.groupsMadeBy(node).map((name) => preview && preview.groups[name]).filter(Boolean);
    const size = counts.reduce((sum, [all]) => sum + all, 0);
    return size ? 1 - counts.reduce((sum, [, kept]) => sum + kept, 0) / size : undefined;
  }

  function macsShares(boxes, preview) {
    const whole = (preview && preview.totals.macs[0]) || 1;
    const most = Math.max(...boxes.map((node) => node.data("macs")), 1);
    const value = (node) => (node.data("macs") ? node.data("macs") / most : undefined);
    return { value, least: "0 %", most: percent(most / whole) + " of all MACs" };
  }

  const MODES = (explorer.shadeModes = {
    ratio: (boxes, preview) => ({ value: (node) => removed(node, preview), least: "0 %", most: "100 % of channels go" }),
    macs: macsShares,
  });

  function showLegend(shading) {
    const legend = document.getElementById("shade-legend");
    if (!legend) return;
    legend.hidden = !shading;
    legend.parentElement.classList.toggle("is-shaded", Boolean(shading));
    document.getElementById("shade-legend-least").textContent = shading ? shading.least : "";
    document.getElementById("shade-legend-most").textContent = shading ? shading.most : "";
  }

  /* Called inside a batch, with the graph and the latest preview. */
  explorer.paintShades = function (cy, preview) {
    if (mode === "none" && !isPainted) return;
    const boxes = cy.nodes(".layer, .fold, .op");
    const shading = MODES[mode] && MODES[mode](boxes.toArray(), preview);
    boxes.forEach((node) => {
      const value = shading && shading.value(node);
      const wanted = value === undefined || !shading ? "" : "shade-" + Math.min(STEPS - 1, Math.floor(value * STEPS));
      const before = node.scratch("_shade") || "";
      if (before === wanted && (!wanted || node.hasClass(wanted))) return; // new elements take the classes of old ones away
      if (before) node.removeClass(before);
      if (wanted) node.addClass(wanted);
      node.scratch("_shade", wanted);
    });
    isPainted = Boolean(shading);
    showLegend(shading);
  };

  explorer.shade = function (wanted) {
    mode = wanted || "none";
    explorer.repaint();
  };
})();
