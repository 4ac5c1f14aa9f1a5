// A cell of the table of rows corrected in its place: double-clicked, or by Enter or F2 on it. Without
// this script the page of its row does it, to which the row's number leads.
"use strict";

(() => {
  const cells = "[data-cells] tbody td";
  let place = null; // the cell being corrected: its row, and which one in it

  // a row's address is its number's link; a column's position is in its head's
  const addressOf = (cell) => {
    const row = cell.parentElement.querySelector(".rowhead a");
    const head = cell.closest("table").tHead.rows[0].cells[cell.cellIndex]?.querySelector(".sort");
    return row && head && `${row.pathname}${head.id.replace("sort-", "")}/`;
  };

  const correct = (cell) => {
    const address = addressOf(cell);
    if (!address || cell.matches(".editing")) return false;
    leave();
    place = { row: cell.parentElement, index: cell.cellIndex };
    htmx.ajax("GET", address, { target: cell, swap: "outerHTML" });
    return true;
  };

  const leave = () => document.querySelector(".editing [data-leave]")?.click();

  document.addEventListener("dblclick", (event) => {
    const cell = event.target.closest?.(cells);
    if (cell && correct(cell)) getSelection()?.removeAllRanges();
  });

  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && event.target.closest?.(".editing")) {
      leave();
    } else if (["Enter", "F2"].includes(event.key) && event.target.matches?.(cells)) {
      if (correct(event.target)) event.preventDefault();
    }
  });

  // what is typed in takes the focus; stored or left, the cell has it again
  document.addEventListener("htmx:afterSettle", () => {
    const field = document.querySelector(".editing input:not([type=hidden]), .editing select, .editing textarea");
    if (field) {
      if (!field.closest(".editing").contains(document.activeElement)) {
        field.focus();
        field.select?.();
      }
    } else if (place?.row.isConnected) {
      const cell = place.row.cells[place.index];
      place = null;
      cell.tabIndex = 0;
      cell.focus();
    }
  });
})();
