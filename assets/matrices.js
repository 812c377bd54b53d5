/* The matrices: what a cell says, what a click selects, and the keys that go from one dependency to the next. */
(function () {
  const KEYS = { ArrowRight: [0, 1], ArrowLeft: [0, -1], ArrowDown: [1, 0], ArrowUp: [-1, 0] };
  const LEAST = 8; // rows and columns that keys zoom in to
  const known = { cells: null, at: null };

  const box = () => document.getElementById("matrix-box");
  const plot = () => box() && box().querySelector(".js-plotly-plot");

  /* The kind, reason and groups of a cell; null where nothing couples the two. */
  function cellAt(cells, row, column) {
    const [a, b] = [cells.rows[row], cells.rows[column]];
    if (!a || !b) return null;
    const isD = Object.keys(cells.cells).length > 0;
    const found = cells.cells[Math.min(row, column) + "," + Math.max(row, column)];
    if (isD) return found ? { a, b, kind: found[0], reason: found[1], groups: found[2] } : null;
    const groups = a.groups.filter((name) => b.groups.includes(name));
    return groups.length ? { a, b, kind: "", reason: a === b ? "" : "lose channels together", groups } : null;
  }

  function line(tag, text) {
    const part = document.createElement(tag);
    part.textContent = text;
    return part;
  }

  function tell(cell, place) {
    const tip = box().querySelector(".matrix-tip");
    tip.hidden = !cell;
    if (!cell) return;
    const names = cell.a === cell.b ? cell.a.name : cell.a.name + " \u00b7 " + cell.b.name;
    const groups = cell.groups.slice(0, 3).join(", ") + (cell.groups.length > 3 ? " and " + (cell.groups.length - 3) + " more" : "");
    const said = [cell.kind, cell.reason].filter(Boolean).join(": ");
    tip.replaceChildren(line("strong", names), line("p", said), line("p", "group " + groups));
    const room = { x: box().clientWidth - tip.offsetWidth - 8, y: box().clientHeight - tip.offsetHeight - 8 };
    tip.style.left = Math.max(8, Math.min(place.x + 14, room.x)) + "px";
    tip.style.top = Math.max(8, place.y + 14 > room.y ? place.y - tip.offsetHeight - 14 : place.y + 14) + "px";
  }

  function selectionOf(cell) {
    const pair = [cell.a.path, cell.b.path];
    return { kind: "group", name: cell.groups[0], groups: cell.groups.slice(0, 1), via: "matrix", pair };
  }

  /* The nearest coupled cell in a direction: along the row, or in the next row that has any. */
  function next(cells, from, [down, right]) {
    const count = cells.rows.length;
    if (right) {
      for (let column = from.column + right; column >= 0 && column < count; column += right)
        if (cellAt(cells, from.row, column)) return { row: from.row, column };
      return from;
    }
    for (let row = from.row + down; row >= 0 && row < count; row += down) {
      const columns = [...Array(count).keys()].filter((column) => cellAt(cells, row, column));
      columns.sort((a, b) => Math.abs(a - from.column) - Math.abs(b - from.column));
      if (columns.length) return { row, column: columns[0] };
    }
    return from;
  }

  /* ---- The part of the matrix that shows ---- */

  const around = (first, length) => [first - 0.5, first + length - 0.5];

  function look(row, column, length) {
    const range = { "xaxis.range": around(column, length), "yaxis.range": around(row, length).reverse() };
    window.Plotly.relayout(plot(), range);
  }

  const lookAtAll = () => look(0, 0, known.cells.rows.length);

  /* So many rows and columns show: the larger number, since cells are square. */
  function shown() {
    const { xaxis, yaxis } = plot()._fullLayout;
    const lengths = [xaxis, yaxis].map(({ range }) => Math.abs(range[1] - range[0]));
    return Math.min(Math.round(Math.max(...lengths)), known.cells.rows.length);
  }

  /* Half as much as shows, around the cell where the keys are; at first around the middle. */
  function lookCloser() {
    const count = known.cells.rows.length;
    const length = Math.min(Math.max(LEAST, Math.ceil(shown() / 2)), count);
    const { row, column } = known.at || { row: count / 2, column: count / 2 };
    const first = (middle) => Math.round(Math.max(0, Math.min(middle - length / 2, count - length)));
    look(first(row), first(column), length);
  }

  /* What changes so that a cell shows which keys lead to. */
  function followed({ row, column }) {
    const { xaxis, yaxis } = plot()._fullLayout;
    const by = (value, range) => {
      const [low, high] = [Math.min(...range), Math.max(...range)];
      return Math.min(0, value - 0.5 - low) || Math.max(0, value + 0.5 - high);
    };
    const moved = (range, step) => range.map((end) => end + step);
    const [right, down] = [by(column, xaxis.range), by(row, yaxis.range)];
    if (!right && !down) return {};
    return { "xaxis.range": moved(xaxis.range, right), "yaxis.range": moved(yaxis.range, down) };
  }

  const VIEWS = { z: lookCloser, f: lookAtAll };

  function goTo(at) {
    known.at = at;
    const cursor = { visible: true, x0: at.column - 0.5, x1: at.column + 0.5, y0: at.row - 0.5, y1: at.row + 0.5 };
    const changed = Object.entries(cursor).map(([name, value]) => ["shapes[0]." + name, value]);
    window.Plotly.relayout(plot(), { ...Object.fromEntries(changed), ...followed(at) });
    const { xaxis, yaxis } = plot()._fullLayout;
    const place = { x: xaxis._offset + xaxis.l2p(at.column), y: yaxis._offset + yaxis.l2p(at.row) };
    tell(cellAt(known.cells, at.row, at.column), place);
  }

  document.addEventListener("keydown", (event) => {
    if (!box() || event.target !== box() || !known.cells) return;
    if (KEYS[event.key]) {
      event.preventDefault();
      goTo(next(known.cells, known.at || { row: -1, column: -1 }, known.at ? KEYS[event.key] : [1, 0]));
    } else if (VIEWS[event.key] && plot() && !(event.ctrlKey || event.metaKey || event.altKey)) {
      event.preventDefault();
      VIEWS[event.key]();
    } else if (event.key === "Enter" && known.at) {
      const cell = cellAt(known.cells, known.at.row, known.at.column);
      if (cell) dash_clientside.set_props("selection", { data: selectionOf(cell) });
    }
  });

  /* Plotly names a point of a category axis by its label. */
  function cellOf(cells, point) {
    const [row, column] = [point.y, point.x].map((name) => cells.rows.findIndex((each) => each.name === name));
    return cellAt(cells, row, column);
  }

  const pointOf = (data) => data && data.points && data.points[0];

  window.dash_clientside = window.dash_clientside || {};
  window.dash_clientside.matrix = {
    know(cells) {
      const names = (from) => (from ? from.rows.map((row) => row.name).join() : "");
      const isOther = names(cells) !== names(known.cells);
      known.cells = cells;
      if (!isOther || !box()) return;
      known.at = null;
      box().querySelector(".matrix-tip").hidden = true;
    },
    point(data, cells) {
      const point = pointOf(data);
      if (!box() || !cells) return;
      const { x0, x1, y0, y1 } = (point && point.bbox) || {};
      tell(point ? cellOf(cells, point) : null, { x: (x0 + x1) / 2, y: (y0 + y1) / 2 });
    },
    pick(data, cells) {
      const point = pointOf(data);
      const cell = point && cells && cellOf(cells, point);
      return cell ? selectionOf(cell) : window.dash_clientside.no_update;
    },
  };
  document.addEventListener("pointerout", (event) => {
    if (box() && box().contains(event.target) && !box().contains(event.relatedTarget)) tell(null);
  });
})();
