/* Which view of the model stands in the centre. */
(function () {
  window.dash_clientside = window.dash_clientside || {};
  window.dash_clientside.centre = {
    show(name) {
      document.getElementById("centre").dataset.shown = name;
    },
  };
})();
