-- Neovim, headless: see static findings, type, save, see a model's verdicts, have it mend a finding, save.
dofile(debug.getinfo(1, "S").source:match("^@(.*/)") .. "common.lua")
local file, command, mended = vim.env.CODETUNE_FILE, vim.env.CODETUNE_COMMAND, tonumber(vim.env.CODETUNE_LINE)
seen.fewest = 1000

local function findings()
  local found = vim.tbl_map(function(d) return { d.lnum, d.code, d.message } end, vim.diagnostic.get(0))
  table.sort(found, function(a, b) return a[1] < b[1] end)
  return found
end

local function judged()
  return #vim.tbl_filter(function(d) return d[3]:find("by tiny", 1, true) ~= nil end, findings())
end

vim.cmd("edit " .. vim.fn.fnameescape(file))
local id = vim.lsp.start_client({
  name = "codetune", cmd = vim.split(command, " "), root_dir = vim.fn.fnamemodify(file, ":h"),
})
vim.bo.filetype = "python"
vim.lsp.buf_attach_client(0, id)

await("the findings", function() return #findings() == 2 end)
vim.api.nvim_create_autocmd("DiagnosticChanged", {
  callback = function() seen.fewest = math.min(seen.fewest, #findings()) end,
})
vim.api.nvim_buf_set_lines(0, -1, -1, false, vim.split(vim.env.CODETUNE_TYPED, "\n"))
vim.cmd("write")
seen.saved = findings()
await("the verdicts", function() return judged() == 3 end)
seen.judged = findings()

local params = {
  textDocument = vim.lsp.util.make_text_document_params(),
  range = { start = { line = mended, character = 0 }, ["end"] = { line = mended, character = 0 } },
  context = { diagnostics = {} },
}
local chosen
await("a model's fix", function()
  local answer = vim.lsp.buf_request_sync(0, "textDocument/codeAction", params, 5000)
  for _, action in ipairs(answer and answer[id] and answer[id].result or {}) do
    if vim.startswith(action.title, "Fix with ") then chosen = action end
  end
  return chosen ~= nil
end)
seen.title = chosen.title
local answer = vim.lsp.buf_request_sync(0, "workspace/executeCommand", chosen.command, 120000)
if not answer or not answer[id].result then finish("the fix failed: " .. vim.inspect(answer)) end
seen.verified = answer[id].result.verified
await("the finding to go", function()
  return #findings() == 2 and not vim.tbl_contains(vim.tbl_map(function(d) return d[1] end, findings()), mended)
end)
vim.cmd("write")
seen.buffer = table.concat(vim.api.nvim_buf_get_lines(0, 0, -1, false), "\n")
finish(nil)
