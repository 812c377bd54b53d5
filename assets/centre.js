/* Which view of the model stands in the centre. */
(function () {
  const nothing = () => window.dash_clientside.no_update;

  const asked = {}; // by the store that holds it

  window.dash_clientside = window.dash_clientside || {};
  window.dash_clientside.centre = {
    show(name) {
      document.getElementById("centre").dataset.shown = name;
    },
    /* What a view is drawn from, where it is seen and is not drawn so already. */
    ask(isShown, parts) {
      const { id } = window.dash_clientside.callback_context.outputs_list;
      const now = JSON.stringify(parts);
      if (!isShown || asked[id] === now) return nothing();
      asked[id] = now;
      return parts;
    },
    /* Also of rows that come later, as after a reload: as soon as the grid is there. */
    filter(text) {
      dash_ag_grid.getApiAsync("comparison-grid").then((grid) => grid.setGridOption("quickFilterText", text || ""));
    },
    pickLayer(cell) {
      const row = cell && dash_ag_grid.getApi("comparison-grid").getRowNode(cell.rowId);
      return row ? { kind: "layer", name: row.data.name, groups: row.data.groups.slice(0, 8), via: "list" } : nothing();
    },
  };
})();
