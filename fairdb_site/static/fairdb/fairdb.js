// Conveniences over pages that work without any script: a file dropped onto its field, its columns
// listed before it is sent, progress of an upload, ticks by the hundred, a table that stays where it was scrolled to, menus that close.
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

  const fileInputs = "[data-dropzone] input[type=file]";

  const showChosen = (input) => {
    const zone = input.closest("[data-dropzone]");
    const files = [...input.files];
    const most = Number(input.dataset.maxBytes);
    const large = files.find((file) => most && file.size > most);
    zone.classList.toggle("chosen", files.length > 0 && !large);
    zone.classList.toggle("invalid", Boolean(large));
    const tooLarge = large ? ` has ${bytes(large.size)}, more than the ${bytes(most)} that are taken.` : "";
    const words = (large ? [large] : files).flatMap((file, number) => {
      const name = document.createElement("bdi");
      name.textContent = file.name;
      return [number ? "; " : "", name, tooLarge || `, ${bytes(file.size)}`];
    });
    zone.querySelector("[data-chosen]").replaceChildren(...words);
    input.setCustomValidity(large ? large.name + tooLarge : "");
  };

  document.addEventListener("change", (event) => {
    if (!event.target.matches(fileInputs)) return;
    showChosen(event.target);
    forgetSheet(event.target.form);
    listColumns(event.target);
  });

  for (const name of ["dragenter", "dragover", "dragleave", "drop"]) {
    document.addEventListener(name, (event) => {
      const zone = event.target.closest?.("[data-dropzone]");
      if (!zone || !event.dataTransfer?.types.includes("Files")) return;
      event.preventDefault();
      zone.classList.toggle("over", name === "dragenter" || name === "dragover");
      if (name !== "drop" || !event.dataTransfer.files.length) return;
      const input = zone.querySelector("input[type=file]");
      const dropped = new DataTransfer();
      const files = [...event.dataTransfer.files];
      for (const file of input.multiple ? files : files.slice(0, 1)) dropped.items.add(file);
      input.files = dropped.files;
      showChosen(input);
      forgetSheet(input.form);
      listColumns(input);
      input.focus();
    });
  }

  document.addEventListener("htmx:afterSwap", () => {
    for (const input of document.querySelectorAll(fileInputs)) {
      showChosen(input);
      if (input.files.length) listColumns(input);
    }
  });

  // -- The columns of a chosen file, one of which is the id -----------------------------------------
  // The file's first bytes go ahead as they are; the answer is the id field as a list to choose from.
  // Whatever fails, the field stays one to type in.

  let asked = null;

  const sayColumns = (form, words) => {
    form.querySelector("[data-columns-status]").textContent = words;
  };

  // a workbook's sheets are a menu beside the id column, in place of the field to type one in
  const sheetField = (form) => form.querySelector("[name=sheet]:not(:disabled)");

  const offerSheets = (form, sheet) => {
    const menu = form.querySelector("select[name=sheet]");
    const typed = form.querySelector("input[name=sheet]");
    typed.disabled = Boolean(menu);
    typed.closest(".field").hidden = Boolean(menu);
    if (!menu && sheet !== undefined) typed.value = sheet;
  };

  // another file has other sheets
  const forgetSheet = (form) => {
    form.querySelector("select[name=sheet]")?.closest(".field").remove();
    offerSheets(form);
  };

  const listColumns = async (input) => {
    asked?.abort();
    const asking = (asked = new AbortController());
    const form = input.form;
    const box = form.querySelector("[data-columns]");
    sayColumns(form, "");
    // of several each has columns of its own, to be looked at when it is there
    const file = input.files.length === 1 ? input.files[0] : null;
    if (!file || !input.validity.valid) {
      if (form.idColumnTyped) swapColumns(box, form.idColumnTyped.cloneNode(true));
      return;
    }
    form.idColumnTyped ??= box.cloneNode(true);
    const sheet = sheetField(form).value;
    box.setAttribute("aria-busy", "true");
    try {
      let found = await columnsOf(file, Number(box.dataset.piece), box.dataset.columns, form, asking);
      const wanted = Number(found.dataset.wanted);
      if (wanted) found = await columnsOf(file, wanted, box.dataset.columns, form, asking);
      swapColumns(box, found);
      offerSheets(form);
      sayColumns(form, found.querySelector("[data-columns-found]")?.textContent ?? "");
    } catch (error) {
      if (asking.signal.aborted) return;
      swapColumns(box, form.idColumnTyped.cloneNode(true));
      offerSheets(form, sheet);
      sayColumns(form, "The columns could not be listed. Type the name of the id column.");
    }
  };

  const columnsOf = async (file, most, address, form, asking) => {
    const how = new URLSearchParams();
    for (const name of ["delimiter", "encoding"]) how.set(name, form.elements[name].value);
    how.set("sheet", sheetField(form).value);
    if (file.size > most) how.set("cut", "on");
    const answer = await fetch(`${address}?${how}`, {
      method: "POST",
      body: file.slice(0, most),
      headers: {
        "Content-Type": "application/octet-stream",
        "X-CSRFToken": form.elements.csrfmiddlewaretoken.value,
      },
      redirect: "error",
      signal: asking.signal,
    });
    if (!answer.ok) throw new Error(answer.statusText);
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    return document.adoptNode(page.querySelector("[data-columns]"));
  };

  // what a person typed or chose is kept; what was only suggested for another file is not
  const swapColumns = (box, found) => {
    const before = box.querySelector("[name=id_column]");
    const kept = box.dataset.kept ?? (before.matches("input[type=text]") ? before.value : "");
    const control = found.querySelector("[name=id_column]");
    const choices = [...found.querySelectorAll("option[data-position]")];
    const same = choices.find((option) => [option.value, `#${option.dataset.position}`].includes(kept));
    if (kept && (same || !choices.length || "incomplete" in found.dataset)) {
      control.value = same?.value ?? kept;
      found.dataset.kept = control.value;
    }
    const focused = box.contains(document.activeElement) ? document.activeElement.name : "";
    box.replaceWith(found);
    if (focused) (found.querySelector(`[name=${focused}]`) ?? control).focus();
  };

  document.addEventListener("input", (event) => {
    const box = event.target.closest?.("[data-columns]");
    if (box && event.target.name === "id_column") box.dataset.kept = event.target.value;
  });

  // a list of names shows those that match what the field holds: all of it makes room when entered
  document.addEventListener("focusin", (event) => {
    if (event.target.matches("[data-columns] input[list]")) event.target.select();
  });

  document.addEventListener("change", (event) => {
    if (!["delimiter", "encoding", "sheet"].includes(event.target.name)) return;
    const input = event.target.form?.querySelector(fileInputs);
    if (input?.files.length) listColumns(input);
  });

  // who chooses a column means it: rows are not numbered then
  document.addEventListener("input", (event) => {
    const isColumn = event.target.matches(".id-question [name=id_column]");
    if (isColumn) document.getElementById("id_is_column").checked = true;
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
      setProgress(box, null, "The file has arrived", "A page that follows its load comes next.");
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
    const all = button.dataset.tick === "all";
    for (const box of form.querySelectorAll("input[name=tick]")) box.checked = all;
    if (!all) {
      // also of those that are chosen but not listed; without a script the form asks for the same
      event.preventDefault();
      form.elements.columns.value = "";
      form.querySelector("[data-chosen-count]").dataset.base = "0";
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
    if (box && closeChooser(box)) event.preventDefault();
  });

  document.addEventListener("keydown", (event) => {
    const box = event.key === "Escape" && event.target.closest?.("#chooser");
    if (!box || (event.target.type === "search" && event.target.value)) return;
    closeChooser(box);
  });

  // where the chooser is a page of its own there is nothing to go back to but by its link
  const closeChooser = (box) => {
    if (!document.getElementById("rows")) return false;
    box.replaceChildren();
    document.getElementById("choose-columns")?.focus();
    return true;
  };

  // -- The table of rows stays where it was scrolled to, sideways -----------------------------------

  let left = 0;
  document.addEventListener("htmx:beforeSwap", (event) => {
    left = event.detail.target.querySelector?.("[data-keep-scroll]")?.scrollLeft ?? 0;
  });
  document.addEventListener("htmx:afterSwap", (event) => {
    const moved = /columns-(earlier|later)/.test(event.detail.requestConfig?.elt?.id ?? "");
    const table = document.querySelector("#rows [data-keep-scroll]");
    if (table && !moved) table.scrollLeft = left;
    if (event.detail.requestConfig?.elt?.id === "choose-columns") {
      document.querySelector("#chooser [name=q]")?.focus();
    }
  });

  // -- What goes on is followed while somebody may look, and nobody's session is kept alive by it -------

  document.addEventListener("htmx:configRequest", ({ detail }) => {
    if (detail.elt.hasAttribute("data-follows")) detail.headers["X-Unattended"] = "true";
  });
  document.addEventListener("htmx:beforeRequest", (event) => {
    if (document.hidden && event.detail.elt.hasAttribute("data-follows")) event.preventDefault();
  });

  // -- A form whose answer is a download: the page stays, and with it what was wrong before ----------

  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!form.matches("[data-stays]")) return;
    form.querySelectorAll(".notice.bad, .errorlist").forEach((one) => one.remove());
    form.querySelectorAll("[aria-invalid]").forEach((one) => one.removeAttribute("aria-invalid"));
    if (!form.querySelector("[type=password]")) return;
    setTimeout(() => form.reset()); // once it is sent: no password waits there for who comes next
  });

  // -- Tabs that scroll show the one on show ---------------------------------------------------------

  document.querySelector(".tabs [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });

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
