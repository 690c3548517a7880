"use strict";
for (const ledger of document.querySelectorAll(".ledger")) {
  const filter = ledger.querySelector(".filter");
  const input = filter.querySelector("input");
  const matches = filter.querySelector(".matches");
  const rows = Array.from(ledger.querySelectorAll(".files tbody tr"), (row) => [row, row.textContent.toLowerCase()]);
  const folded = Array.from(ledger.querySelectorAll("details"));
  filter.hidden = false;
  input.addEventListener("input", () => {
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const [row, text] of rows) {
      row.hidden = !words.every((word) => text.includes(word));
      shown += row.hidden ? 0 : 1;
    }
    for (const details of folded) {
      details.open = words.length > 0;
    }
    matches.textContent = words.length > 0 ? `${shown} of ${rows.length} files` : "";
  });
}
