// oxlint plugin: what the built-in rules cannot say.

/** `new Date()` reads the machine's clock; `new Date(ts)` only formats a time, and is fine. */
const noCurrentDate = {
  create: (context) => ({
    NewExpression(node) {
      if (node.callee.type === "Identifier" && node.callee.name === "Date" && node.arguments.length === 0) {
        context.report({
          node,
          message: "new Date() reads the machine's clock: take the time from Effect's Clock."
        })
      }
    }
  })
}

export default { meta: { name: "musify" }, rules: { "no-current-date": noCurrentDate } }
