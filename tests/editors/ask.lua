-- Neovim, headless: the page's own lines ask a question about the function and show how it stands.
dofile(debug.getinfo(1, "S").source:match("^@(.*/)") .. "common.lua")
seen.asked, seen.statuses = {}, {}
vim.cmd("luafile " .. vim.env.CODETUNE_SNIPPET)
local shows = vim.lsp.handlers["codetune/status"]
vim.lsp.handlers["codetune/status"] = function(...)
  shows(...)
  table.insert(seen.statuses, vim.g.codetune_status)
end
vim.ui.input = function(options, done)
  table.insert(seen.asked, options.prompt)
  done("Why so?")
end
vim.lsp.handlers["window/showMessage"] = function(_, shown) seen.message = shown.message end

vim.cmd("edit " .. vim.fn.fnameescape(vim.env.CODETUNE_FILE))
local capabilities = vim.lsp.protocol.make_client_capabilities()
capabilities.experimental = { codetuneStatus = true }
capabilities.window.showDocument = { support = false }
local id = vim.lsp.start_client({
  name = "codetune", cmd = vim.split(vim.env.CODETUNE_COMMAND, " "), root_dir = vim.fn.fnamemodify(vim.env.CODETUNE_FILE, ":h"),
  capabilities = capabilities,
})
vim.bo.filetype = "python"
vim.lsp.buf_attach_client(0, id)
await("the status", function() return #seen.statuses > 0 end)

local params = {
  textDocument = vim.lsp.util.make_text_document_params(),
  range = { start = { line = 3, character = 0 }, ["end"] = { line = 5, character = 0 } },
  context = { diagnostics = {} },
}
local entry
await("the entry", function()
  local answer = vim.lsp.buf_request_sync(0, "textDocument/codeAction", params, 5000)
  for _, action in ipairs(answer and answer[id] and answer[id].result or {}) do
    if type(action.command) == "table" and action.command.command == "codetune.ask" then entry = action end
  end
  return entry ~= nil
end)
seen.title = entry.title
vim.lsp.commands["codetune.ask"](entry.command, { bufnr = 0, client_id = id })
await("the answer", function() return seen.message ~= nil end)
local at = { textDocument = params.textDocument, position = { line = 4, character = 4 } }
seen.hover = vim.lsp.buf_request_sync(0, "textDocument/hover", at, 5000)[id].result.contents.value
finish()
