/* What the panels remember of how one looks at a model, such as the view in the centre. It is part of the recipe's view:
   changes go there, and what a link, a reload or a file brings is shown by the controls again. */
(function () {
  const explorer = (window.explorer = window.explorer || {});
  const known = { controls: [], values: {}, panels: {} };

  /* A panel's own part, any JSON data; null is as it is at first. The parts stay in their order, so that the same state
     is the same text. */
  explorer.keepView = function (name, state) {
    const panels = { ...known.panels, [name]: state };
    if (state === null) delete panels[name];
    if (JSON.stringify(panels) === JSON.stringify(known.panels)) return;
    known.panels = panels;
    dash_clientside.set_props("panels", { data: panels });
  };
  explorer.keptView = () => known.panels;

  /* `isDrawnLater` says whether a graph that these states are about is on its way. */
  explorer.showPanels = function (panels, isDrawnLater) {
    known.panels = panels;
    known.controls.forEach(({ name, id, part, usual }) => {
      const wanted = name in panels ? panels[name] : usual;
      if (known.values[id] !== wanted) dash_clientside.set_props(id, { [part]: wanted });
    });
    explorer.showView(panels.graph || null, isDrawnLater);
    explorer.showPlayer(panels.player || null);
  };

  window.dash_clientside = window.dash_clientside || {};
  window.dash_clientside.panels = {
    keep(...inputs) {
      const { inputs_list, triggered } = window.dash_clientside.callback_context;
      known.controls = inputs[inputs_list.length];
      const changed = triggered.map(({ prop_id }) => prop_id.split(".")[0]);
      inputs_list.forEach(({ id, value }) => {
        const { name, usual } = known.controls.find((control) => control.id === id);
        known.values[id] = value ?? usual;
        if (changed.includes(id)) explorer.keepView(name, known.values[id] === usual ? null : value);
      });
    },
  };
})();
