"use strict";
// Without this everything is readable; it adds filters, sorting, folding and copying.
(() => {
  const table = document.querySelector("#verdicts table");
  const rows = [...table.tBodies[0].rows];
  const form = document.querySelector(".filters");
  const shown = document.querySelector("#shown");

  const filter = () => {
    const chosen = Object.fromEntries(new FormData(form));
    const words = chosen.text.toLowerCase().split(/\s+/).filter(Boolean);
    let count = 0;
    for (const row of rows) {
      const fits = ["verdict", "chapter", "grade", "role", "expected"]
        .every((name) => !chosen[name] || row.dataset[name] === chosen[name]);
      const text = row.textContent.toLowerCase();
      row.hidden = !(fits && words.every((word) => text.includes(word)));
      count += row.hidden ? 0 : 1;
    }
    shown.textContent = `${count} of ${rows.length} shown`;
  };
  form.hidden = false;
  form.addEventListener("input", filter);
  form.addEventListener("reset", () => setTimeout(filter));
  form.addEventListener("submit", (event) => event.preventDefault());
  filter();

  const sort = (head, key) => {
    const down = head.getAttribute("aria-sort") === "ascending";
    for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    const number = (row) => {
      const text = row.dataset[key];
      return text === "inf" ? Infinity : text === "-inf" ? -Infinity : parseFloat(text);
    };
    const before = (a, b) => {
      const [x, y] = [number(a), number(b)];
      if (Number.isNaN(x) || Number.isNaN(y)) return Number.isNaN(x) - Number.isNaN(y);
      return x === y ? 0 : (x < y ? -1 : 1) * (down ? -1 : 1);
    };
    table.tBodies[0].append(...rows.slice().sort(before));
  };
  for (const head of table.tHead.rows[0].cells) {
    if (!head.dataset.sort) continue;
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => sort(head, head.dataset.sort));
  }

  const folds = [...document.querySelectorAll("details.fold")];
  for (const fold of folds) fold.open = false;
  // Style sheets print what is folded only in new browsers.
  let closed = [];
  addEventListener("beforeprint", () => {
    closed = folds.filter((fold) => !fold.open);
    for (const fold of closed) fold.open = true;
  });
  addEventListener("afterprint", () => {
    for (const fold of closed) fold.open = false;
  });

  const copied = async (code) => {
    try {
      await navigator.clipboard.writeText(code.textContent);
      return true;
    } catch {
      getSelection().selectAllChildren(code);
      return document.execCommand("copy");
    }
  };
  for (const command of document.querySelectorAll(".command")) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "copy";
    button.textContent = "copy";
    button.addEventListener("click", async () => {
      button.textContent = (await copied(command.querySelector("code"))) ? "copied" : "selected";
      setTimeout(() => (button.textContent = "copy"), 1500);
    });
    command.append(button);
  }
})();
