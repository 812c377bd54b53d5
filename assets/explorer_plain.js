/* Draws what the server describes with html components as bare elements (`plain` in explorer/app/parts.py says why). */
(function () {
  const explorer = (window.explorer = window.explorer || {});
  const SPELT = { className: "class", colSpan: "colspan", rowSpan: "rowspan", tabIndex: "tabindex" };
  const MARKS = ["data-toggle", "data-pick", "data-why", "data-play"]; // what tells the element that has the focus

  const missing = (value) => value === null || value === undefined || value === false;

  function drawn(node) {
    if (typeof node !== "object") return String(node);
    const { children, style, ...props } = node.props;
    const element = document.createElement(node.type.toLowerCase());
    Object.entries(props)
      .filter(([, value]) => !missing(value))
      .forEach(([name, value]) => element.setAttribute(SPELT[name] || name, value === true ? "" : value));
    Object.entries(style || {}).forEach(([name, value]) => element.style.setProperty(name, value));
    element.append(...all(children));
    return element;
  }

  const all = (children) => [children].flat(Infinity).filter((child) => !missing(child)).map(drawn);

  function fill(holder) {
    const active = holder.contains(document.activeElement) ? document.activeElement : null;
    const mark = active && MARKS.find((name) => active.hasAttribute(name));
    holder.replaceChildren(...all(JSON.parse(holder.dataset.plain)));
    holder.dispatchEvent(new Event("drawn", { bubbles: true }));
    if (!mark) return;
    const again = holder.querySelector(`[${mark}="${CSS.escape(active.getAttribute(mark))}"]`);
    if (again) again.focus({ preventScroll: true });
  }

  /* The holders in what has changed. */
  function holders(change) {
    if (change.type === "attributes") return [change.target];
    const added = [...change.addedNodes].filter((node) => node.nodeType === Node.ELEMENT_NODE);
    return added.flatMap((node) => [...(node.matches("[data-plain]") ? [node] : []), ...node.querySelectorAll("[data-plain]")]);
  }

  new MutationObserver((changes) => {
    const changed = new Set(changes.flatMap(holders));
    changed.forEach(fill);
    if (changed.size) explorer.repaint(); // badges and the row that is picked
  }).observe(document.documentElement, { subtree: true, childList: true, attributeFilter: ["data-plain"] });
})();
