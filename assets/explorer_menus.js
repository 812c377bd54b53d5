/* Menus as people hear them. Mantine writes the state of a menu on a box around its button, lets an open menu begin at an
   element that says nothing, and does not call a field with a list a combobox. Here the state goes on to the button, the
   menu begins at its first item, and the field is what it is. */
(function () {
  const STATES = ["aria-haspopup", "aria-expanded", "aria-controls"];
  let waiting = 0;

  function handOn(box) {
    const button = box.firstElementChild;
    STATES.forEach((name) => {
      if (box.hasAttribute(name)) button.setAttribute(name, box.getAttribute(name));
      else if (name === "aria-controls") button.removeAttribute(name);
      box.removeAttribute(name);
    });
  }

  function begin(menu) {
    const [silent, first] = [menu.querySelector(":scope > [data-autofocus]"), menu.querySelector("[role=menuitem]")];
    if (!silent || !first) return;
    if (silent === document.activeElement) first.focus();
    silent.setAttribute("aria-hidden", "true");
  }

  function name(field) {
    field.role = "combobox";
    field.ariaExpanded = String(field.hasAttribute("data-expanded"));
  }

  function mend() {
    document.querySelectorAll("div[aria-expanded]:has(> button:only-child)").forEach(handOn);
    document.querySelectorAll("[role=menu]").forEach(begin);
    document.querySelectorAll("input[aria-haspopup=listbox]").forEach(name);
  }

  new MutationObserver(() => {
    cancelAnimationFrame(waiting);
    waiting = requestAnimationFrame(mend);
  }).observe(document.documentElement, { subtree: true, childList: true, attributeFilter: ["aria-expanded", "data-expanded"] });
})();
