"use strict";
(function () {
  const table = document.getElementById("image-table");
  if (table) {
    const body = table.tBodies[0];
    const heads = Array.from(table.tHead.rows[0].cells);
    const rows = Array.from(body.rows, function (row) {
      const titles = Array.from(row.querySelectorAll("[title]"), function (e) { return e.title; });
      return { row: row, text: (row.textContent + " " + titles.join(" ")).toLowerCase(), result: row.cells[2].textContent };
    });
    const search = document.getElementById("search");
    const result = document.getElementById("result");
    const shown = document.getElementById("shown");

    // Every word that was typed must stand somewhere in the row.
    const filter = function () {
      const words = search.value.toLowerCase().split(/\s+/);
      let n = 0;
      for (const r of rows) {
        const fits = (result.value === "" || result.value === r.result) && words.every(function (w) { return r.text.includes(w); });
        r.row.hidden = !fits;
        if (fits) n++;
      }
      shown.value = n === rows.length ? n + (n === 1 ? " image" : " images") : n + " of " + rows.length + " images";
    };
    const value = function (row, i) {
      const cell = row.cells[i];
      return cell.dataset.v === undefined ? cell.textContent : Number(cell.dataset.v);
    };
    const compare = new Intl.Collator("en", { numeric: true }).compare;
    // Numbers begin with the largest, texts with the first.
    const sort = function (i) {
      const number = heads[i].classList.contains("n");
      const was = heads[i].getAttribute("aria-sort");
      const up = was === null ? !number : was === "descending";
      for (const h of heads) h.removeAttribute("aria-sort");
      heads[i].setAttribute("aria-sort", up ? "ascending" : "descending");
      const sorted = rows.map(function (r) { return { row: r.row, v: value(r.row, i) }; });
      sorted.sort(function (a, b) {
        const order = number ? a.v - b.v : compare(a.v, b.v);
        return up ? order : -order;
      });
      body.append.apply(body, sorted.map(function (s) { return s.row; }));
    };
    heads.forEach(function (head, i) {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = head.textContent;
      button.addEventListener("click", function () { sort(i); });
      head.replaceChildren(button);
    });
    search.addEventListener("input", filter);
    result.addEventListener("change", filter);
    const controls = document.getElementById("controls");
    controls.addEventListener("submit", function (e) { e.preventDefault(); });
    controls.hidden = false;
    document.addEventListener("keydown", function (e) {
      const typing = /^(INPUT|SELECT|TEXTAREA)$/.test(e.target.tagName);
      if (e.key === "/" && !typing && !e.ctrlKey && !e.metaKey && !e.altKey) {
        e.preventDefault();
        search.focus();
        search.select();
      } else if (e.key === "Escape" && e.target === search) {
        search.value = "";
        filter();
      }
    });
    filter();
  }

  // A link to something in closed details opens them.
  const open = function () {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (target && target.tagName === "DETAILS") target.open = true;
  };
  window.addEventListener("hashchange", open);
  open();

  // Paper shows everything.
  let closed = [];
  window.addEventListener("beforeprint", function () {
    closed = Array.from(document.querySelectorAll("details:not([open])"));
    for (const d of closed) d.open = true;
  });
  window.addEventListener("afterprint", function () {
    for (const d of closed) d.open = false;
  });
})();
