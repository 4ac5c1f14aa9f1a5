// Conveniences over pages that work without any script: a file dropped onto its field, progress of
// an upload, ticks by the hundred, a table that stays where it was scrolled to, menus that close.
"use strict";

(() => {
  const root = document.documentElement;
  root.classList.add("js");

  const bytes = (count) => {
    const units = ["bytes", "KiB", "MiB", "GiB", "TiB"];
    const power = count < 1024 ? 0 : Math.min(Math.floor(Math.log2(count) / 10), 4);
    const amount = count / 1024 ** power;
    return `${power ? amount.toFixed(1).replace(/\.0$/, "") : amount} ${units[power]}`;
  };

  // -- The file field ---------------------------------------------------------------------------

  const showChosen = (input) => {
    const zone = input.closest("[data-dropzone]");
    const file = input.files[0];
    const most = Number(input.dataset.maxBytes);
    const tooLarge = Boolean(file && most && file.size > most);
    zone.classList.toggle("chosen", Boolean(file) && !tooLarge);
    zone.classList.toggle("invalid", tooLarge);
    let words = "";
    if (tooLarge) {
      words = `${file.name} has ${bytes(file.size)}, more than the ${bytes(most)} that are taken.`;
    } else if (file) {
      words = `${file.name}, ${bytes(file.size)}`;
    }
    zone.querySelector("[data-chosen]").textContent = words;
    input.setCustomValidity(words && tooLarge ? words : "");
  };

  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-dropzone] input[type=file]")) showChosen(event.target);
  });

  for (const name of ["dragenter", "dragover", "dragleave", "drop"]) {
    document.addEventListener(name, (event) => {
      const zone = event.target.closest?.("[data-dropzone]");
      if (!zone || !event.dataTransfer?.types.includes("Files")) return;
      event.preventDefault();
      zone.classList.toggle("over", name === "dragenter" || name === "dragover");
      if (name !== "drop" || !event.dataTransfer.files.length) return;
      const input = zone.querySelector("input[type=file]");
      const one = new DataTransfer();
      one.items.add(event.dataTransfer.files[0]);
      input.files = one.files;
      showChosen(input);
      input.focus();
    });
  }

  document.addEventListener("htmx:afterSwap", () => {
    for (const input of document.querySelectorAll("[data-dropzone] input[type=file]")) showChosen(input);
  });

  // -- Progress of an upload ----------------------------------------------------------------------

  const progressOf = (target) => target.closest?.("form")?.querySelector("[data-progress]");

  const setProgress = (box, share, step, note) => {
    const bar = box.querySelector("progress");
    if (share === null) {
      bar.removeAttribute("value");
    } else {
      bar.value = share * 100;
    }
    box.querySelector("[data-progress-share]").textContent =
      share === null ? "" : `${Math.floor(share * 100)} %`;
    box.querySelector("[data-progress-step]").textContent = step;
    box.querySelector("[data-progress-note]").textContent = note;
  };

  document.addEventListener("htmx:xhr:loadstart", (event) => {
    const box = progressOf(event.target);
    if (!box) return;
    setProgress(box, 0, "Sending the file", "Keep this page open.");
    box.hidden = false;
    box.scrollIntoView({ block: "nearest" });
  });

  document.addEventListener("htmx:xhr:progress", (event) => {
    const box = progressOf(event.target);
    const { lengthComputable, loaded, total } = event.detail;
    if (!box || box.hidden || !lengthComputable || !total) return;
    if (loaded < total) {
      setProgress(box, loaded / total, "Sending the file", `${bytes(loaded)} of ${bytes(total)}. Keep this page open.`);
    } else {
      setProgress(box, null, "Reading and storing", "The file has arrived. Its cells are read, typed and stored; keep this page open.");
    }
  });

  for (const name of ["htmx:sendError", "htmx:responseError", "htmx:timeout"]) {
    document.addEventListener(name, (event) => {
      const box = progressOf(event.target);
      if (!box || !box.isConnected) return;
      if (name === "htmx:responseError") {
        box.hidden = true;
      } else {
        setProgress(box, 0, "The connection broke", "Nothing was stored. Send it again; a table that did arrive is not stored twice.");
      }
    });
  }

  // -- A server that does not answer -----------------------------------------------------------------

  const trouble = (words) => {
    const box = document.getElementById("trouble");
    box.textContent = words;
    box.hidden = !words;
  };
  for (const name of ["htmx:sendError", "htmx:timeout"]) {
    document.addEventListener(name, () => trouble("The server does not answer. Check your connection and try again."));
  }
  document.addEventListener("htmx:beforeRequest", () => trouble(""));

  // -- Choosing columns ---------------------------------------------------------------------------

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-tick]");
    if (!button) return;
    const form = button.closest("form");
    for (const box of form.querySelectorAll("input[name=tick]")) {
      box.checked = button.dataset.tick === "all";
    }
    countTicks(form);
  });

  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-chooser] input[name=tick]")) countTicks(event.target.form);
  });

  // what is chosen but not listed keeps counting: the server said how many in all
  const countTicks = (form) => {
    const shown = form.querySelector("[data-chosen-count]");
    if (!shown) return;
    const ticks = form.querySelectorAll("input[name=tick]");
    const at = [...ticks].filter((box) => box.defaultChecked).length;
    const now = [...ticks].filter((box) => box.checked).length;
    shown.dataset.base ??= String(Number(shown.textContent) - at);
    shown.textContent = String(Number(shown.dataset.base) + now);
  };

  document.addEventListener("click", (event) => {
    const link = event.target.closest("[data-close]");
    const box = link && document.querySelector(link.dataset.close);
    if (!box || !document.getElementById("rows")) return;
    event.preventDefault();
    box.replaceChildren();
    document.getElementById("choose-columns")?.focus();
  });

  // -- The table of rows stays where it was scrolled to, sideways -----------------------------------

  let left = 0;
  document.addEventListener("htmx:beforeSwap", (event) => {
    left = event.detail.target.querySelector?.("[data-keep-scroll]")?.scrollLeft ?? 0;
  });
  document.addEventListener("htmx:afterSwap", (event) => {
    const moved = /columns-(earlier|later)/.test(event.detail.requestConfig?.elt?.id ?? "");
    const table = document.querySelector("#rows [data-keep-scroll]");
    if (table && !moved) table.scrollLeft = left;
    document.querySelector("#chooser [name=q]")?.focus();
  });

  // -- Menus ------------------------------------------------------------------------------------------

  const closeMenus = (except) => {
    for (const menu of document.querySelectorAll("details.menu[open]")) {
      if (menu !== except) menu.open = false;
    }
  };
  document.addEventListener("click", (event) => closeMenus(event.target.closest("details.menu")));
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    const menu = event.target.closest?.("details.menu[open]");
    closeMenus(null);
    menu?.querySelector("summary").focus();
  });
})();
