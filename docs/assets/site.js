// The button of a block with a terminal's text copies its commands: no prompt, no output.
// A command goes on while a quotation mark is open, or after a backslash at the end of a line.
(function () {
  function isOpen(command) {
    let quote = null;
    for (let at = 0; at < command.length; at++) {
      const letter = command[at];
      if (letter === "\\" && quote !== "'") {
        at++;
        if (at === command.length - 1 && command[at] === "\n") return true;
      } else if (quote) {
        if (letter === quote) quote = null;
      } else if (letter === "'" || letter === '"') {
        quote = letter;
      }
    }
    return quote !== null || command.endsWith("\\");
  }

  function commands(text) {
    const found = [];
    let current = null;
    for (const line of text.split("\n")) {
      if (current !== null && isOpen(current)) current += "\n" + line;
      else {
        if (current !== null) found.push(current);
        current = line.startsWith("$ ") ? line.slice(2) : null;
      }
    }
    if (current !== null) found.push(current);
    return found.join("\n");
  }

  if (typeof module !== "undefined") module.exports = { commands };
  if (typeof document === "undefined") return;
  document.addEventListener("DOMContentLoaded", function () {
    for (const block of document.querySelectorAll(".language-console, .highlight.console")) {
      const code = block.querySelector("code");
      const copied = code && commands(code.innerText.replace(/\n$/, ""));
      if (copied) code.setAttribute("data-copy", copied);
    }
  });
})();
