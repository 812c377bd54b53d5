/* Which view of the model stands in the centre. */
(function () {
  const nothing = () => window.dash_clientside.no_update;

  window.dash_clientside = window.dash_clientside || {};
  window.dash_clientside.centre = {
    show(name) {
      document.getElementById("centre").dataset.shown = name;
    },
    filter(text) {
      const grid = window.dash_ag_grid && dash_ag_grid.getApi("comparison-grid");
      if (grid) grid.setGridOption("quickFilterText", text || "");
    },
    pickLayer(cell) {
      const row = cell && dash_ag_grid.getApi("comparison-grid").getRowNode(cell.rowId);
      return row ? { kind: "layer", name: row.data.name, groups: row.data.groups.slice(0, 8), via: "list" } : nothing();
    },
  };
})();
