/* What a term means, beside it while a pointer or the focus is on it. Escape puts it away; a pointer may go over to it. */
(function () {
  const GAP = 6; // pixels
  const LINGER = 200; // milliseconds in which a pointer may cross over
  const tip = Object.assign(document.createElement("div"), { className: "term-tip", hidden: true, ariaHidden: "true" });
  let [term, leaving] = [null, 0];

  function place(link) {
    const box = link.getBoundingClientRect();
    const isBelow = box.bottom + tip.offsetHeight + GAP < innerHeight;
    tip.style.left = Math.max(GAP, Math.min(box.left, innerWidth - tip.offsetWidth - GAP)) + "px";
    tip.style.top = (isBelow ? box.bottom + GAP : box.top - tip.offsetHeight - GAP) + "px";
  }

  function show(link) {
    clearTimeout(leaving);
    if (term === link && !tip.hidden) return;
    term = link;
    document.body.append(tip);
    tip.textContent = document.getElementById(link.getAttribute("aria-describedby")).textContent;
    tip.hidden = false;
    place(link);
  }

  function hide() {
    clearTimeout(leaving);
    [term, tip.hidden] = [null, true];
  }

  const termAt = (target) => target.closest && target.closest(".term");

  document.addEventListener("mouseover", (event) => {
    const link = termAt(event.target);
    if (link) show(link);
    else if (event.target === tip) clearTimeout(leaving);
  });
  document.addEventListener("mouseout", (event) => {
    if (termAt(event.target) || event.target === tip) leaving = setTimeout(hide, LINGER);
  });
  document.addEventListener("focusin", (event) => (termAt(event.target) ? show(termAt(event.target)) : hide()));
  document.addEventListener("focusout", (event) => termAt(event.target) && hide());
  document.addEventListener("scroll", hide, true);
  document.addEventListener(
    "keydown",
    (event) => {
      if (event.key !== "Escape" || tip.hidden) return;
      hide();
      event.stopImmediatePropagation();
    },
    true
  );
})();
