// The table of rows by the keyboard: one stop for the tab key, arrows from cell to cell. Without this
// script the table is a region that scrolls, which is what screen readers read tables in.
// https://www.w3.org/WAI/ARIA/apg/patterns/grid/
"use strict";

(() => {
  const box = "[data-cells]";
  const cellsOf = (row) => [...row.children];

  // cells get a tabindex as they are gone to: a page may have 20,000
  const goTo = (cell, table) => {
    for (const stop of table.querySelectorAll("tbody [tabindex='0']")) stop.tabIndex = -1;
    cell.tabIndex = 0;
    cell.focus({ preventScroll: true });
    // what sticks, on top and at the left, covers part of the box
    const scroller = table.closest(box);
    const seen = scroller.getBoundingClientRect();
    const at = cell.getBoundingClientRect();
    const top = seen.top + table.tHead.offsetHeight;
    const left = seen.left + (table.querySelector("tbody .rowhead")?.offsetWidth ?? 0);
    if (at.top < top) scroller.scrollTop -= top - at.top;
    else if (at.bottom > seen.bottom) scroller.scrollTop += at.bottom - seen.bottom + 2;
    if (cell.matches(".rowhead")) scroller.scrollLeft = 0;
    else if (at.left < left) scroller.scrollLeft -= left - at.left;
    else if (at.right > seen.right) scroller.scrollLeft += at.right - seen.right + 2;
  };

  const moved = (key, control, row, column, rows, columns, screen) => {
    switch (key) {
      case "ArrowUp": return [row - 1, column];
      case "ArrowDown": return [row + 1, column];
      case "ArrowLeft": return [row, column - 1];
      case "ArrowRight": return [row, column + 1];
      case "Home": return [control ? 0 : row, 0];
      case "End": return [control ? rows - 1 : row, columns - 1];
      case "PageUp": return [Math.max(row - screen, 0), column];
      case "PageDown": return [Math.min(row + screen, rows - 1), column];
      default: return null;
    }
  };

  document.addEventListener("keydown", (event) => {
    const cell = event.target.closest?.(`${box} tbody td, ${box} tbody th`);
    // a field, a link or a button in a cell has its own use for keys
    if (!cell || cell !== event.target || event.altKey || event.metaKey) return;
    const table = cell.closest("table");
    if (event.key === "Enter") {
      const inside = cell.querySelector("a, button");
      if (!inside) return;
      event.preventDefault();
      inside.click();
      return;
    }
    const rows = [...table.tBodies[0].rows];
    const row = cell.parentElement.sectionRowIndex;
    const screen = Math.max(Math.floor(cell.closest(box).clientHeight / cell.offsetHeight) - 2, 1);
    const place = moved(event.key, event.ctrlKey, row, cell.cellIndex, rows.length, cellsOf(rows[row]).length, screen);
    if (!place) return;
    event.preventDefault();
    const next = rows[place[0]] && cellsOf(rows[place[0]])[place[1]];
    if (next) goTo(next, table);
  });

  document.addEventListener("mousedown", (event) => {
    const cell = event.target.closest?.(`${box} tbody td`);
    if (!cell || event.target.closest("a, button, input, select, textarea, form")) return;
    cell.tabIndex = -1; // the click gives it the focus, and the arrows go on from there
  });

  document.addEventListener("focusin", (event) => {
    const cell = event.target.closest?.(`${box} tbody td`);
    if (!cell || cell !== event.target) return;
    for (const stop of cell.closest("table").querySelectorAll("tbody [tabindex='0']")) stop.tabIndex = -1;
    cell.tabIndex = 0;
  });

  // the first cell is the stop, in place of the box and of each cell that is cut short
  const prepare = () => {
    for (const scroller of document.querySelectorAll(`${box}[tabindex]`)) {
      const table = scroller.querySelector("table");
      const first = table.tBodies[0]?.rows[0]?.cells[1];
      if (!first || first.colSpan > 1) continue;
      scroller.removeAttribute("tabindex");
      table.setAttribute("role", "grid");
      table.setAttribute("aria-label", scroller.getAttribute("aria-label"));
      for (const stop of table.querySelectorAll("tbody [tabindex='0']")) stop.tabIndex = -1;
      for (const link of table.querySelectorAll("tbody .rowhead a")) link.tabIndex = -1;
      first.tabIndex = 0;
    }
  };
  prepare();
  document.addEventListener("htmx:afterSettle", prepare);
})();
