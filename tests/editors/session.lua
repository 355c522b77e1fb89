-- Neovim, headless: open, see the finding, type, save, apply the first fix, and say what the buffer holds then.
dofile(debug.getinfo(1, "S").source:match("^@(.*/)") .. "common.lua")
local file, command, encoding = vim.env.CODETUNE_FILE, vim.env.CODETUNE_COMMAND, vim.env.CODETUNE_ENCODING

local function lines_of_findings()
  return vim.tbl_map(function(d) return { d.lnum, d.col, d.end_lnum, d.end_col, d.code, d.source } end, vim.diagnostic.get(0))
end

vim.cmd("edit " .. vim.fn.fnameescape(file))
local capabilities = vim.lsp.protocol.make_client_capabilities()
if encoding ~= "" then capabilities.general = { positionEncodings = { encoding } } end
local id = vim.lsp.start_client({
  name = "codetune", cmd = vim.split(command, " "), root_dir = vim.fn.fnamemodify(file, ":h"), capabilities = capabilities,
  offset_encoding = encoding ~= "" and encoding or nil, -- Neovim before 0.10 does not read the server's answer
})
vim.bo.filetype = "python"
vim.lsp.buf_attach_client(0, id)

await("the finding", function() return #vim.diagnostic.get(0) == 1 end)
seen.opened = lines_of_findings()

vim.api.nvim_buf_set_lines(0, 0, 0, false, { "# é😀 typed above" })
await("the finding to move", function()
  local found = vim.diagnostic.get(0)
  return #found == 1 and found[1].lnum == seen.opened[1][1] + 1
end)
vim.cmd("write")
seen.typed = lines_of_findings()

local client = vim.lsp.get_client_by_id(id)
local place = seen.typed[1]
local params = {
  textDocument = vim.lsp.util.make_text_document_params(),
  range = { start = { line = place[1], character = 0 }, ["end"] = { line = place[1], character = 0 } },
  context = { diagnostics = {} },
}
local preferred -- Neovim 0.7 does not know isPreferred, the best fix is the first
await("a fix", function()
  local answer = vim.lsp.buf_request_sync(0, "textDocument/codeAction", params, 5000)
  for _, action in ipairs(answer and answer[id] and answer[id].result or {}) do
    if not preferred and vim.startswith(action.title, "Fix: ") then preferred = action end
  end
  return preferred ~= nil
end)
seen.title = preferred.title
if not preferred.edit then
  preferred = vim.lsp.buf_request_sync(0, "codeAction/resolve", preferred, 5000)[id].result
end
vim.lsp.util.apply_workspace_edit(preferred.edit, client.offset_encoding)
await("the finding to go", function() return #vim.diagnostic.get(0) == 0 end)
vim.cmd("write")
seen.buffer = table.concat(vim.api.nvim_buf_get_lines(0, 0, -1, false), "\n")
finish(nil)
