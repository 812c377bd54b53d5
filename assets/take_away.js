/* The graph as a picture, as it looks now, and the recipe on the clipboard. */
(function () {
  const LARGEST = 8192; // pixels of a side; browsers draw no larger pictures
  const SHARP = 2; // pixels of the picture for one of the graph

  function fileName() {
    const { source } = explorer.recipe();
    return (source.startsWith("session:") ? "model" : source.split(":")[1]).replace(/[^\w.-]+/g, "-") + "-graph.png";
  }

  let plan = null; // the key of the recipe when the page was last calm

  window.dash_clientside = window.dash_clientside || {};
  window.dash_clientside.takeAway = {
    png(clicks) {
      const cy = explorer.cy();
      if (!clicks || !cy) return;
      const { w, h } = cy.elements().boundingBox();
      const scale = Math.min(SHARP, LARGEST / w, LARGEST / h);
      const bg = getComputedStyle(document.documentElement).getPropertyValue("--canvas").trim();
      const blob = cy.png({ full: true, scale, bg, output: "blob" });
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
