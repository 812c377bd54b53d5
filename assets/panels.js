/* What the panels remember of how one looks at a model, such as the view in the centre. It is part of the recipe's view:
   changes go there, and what a link, a reload or a file brings is shown by the controls again. */
(function () {
  const explorer = (window.explorer = window.explorer || {});
  const known = { controls: [], values: {}, panels: {} };

  /* A panel's own part, any JSON data; null is as it is at first. */
  explorer.keepView = function (name, state) {
    const { [name]: _, ...others } = known.panels;
    const panels = state === null ? others : { ...others, [name]: state };
    if (JSON.stringify(panels) === JSON.stringify(known.panels)) return;
    known.panels = panels;
    dash_clientside.set_props("panels", { data: panels });
  };
  explorer.keptView = () => known.panels;

  explorer.showPanels = function (panels) {
    known.panels = panels;
    known.controls.forEach(({ name, id, part, usual }) => {
      const wanted = name in panels ? panels[name] : usual;
      if (known.values[id] !== wanted) dash_clientside.set_props(id, { [part]: wanted });
    });
    explorer.showPlayer(panels.player || null);
  };

  window.dash_clientside = window.dash_clientside || {};
  window.dash_clientside.panels = {
    keep(...inputs) {
      const { inputs_list, triggered } = window.dash_clientside.callback_context;
      known.controls = inputs[inputs_list.length];
      const changed = triggered.map(({ prop_id }) => prop_id.split(".")[0]);
      inputs_list.forEach(({ id, value }) => {
        known.values[id] = value;
        if (!changed.includes(id)) return;
        const { name, usual } = known.controls.find((control) => control.id === id);
        explorer.keepView(name, value === usual ? null : value);
      });
    },
  };
})();
