-- Neovim, headless: a model's fix is under way when its user types, and another one when its user cancels it.
dofile(debug.getinfo(1, "S").source:match("^@(.*/)") .. "common.lua")
local file, command = vim.env.CODETUNE_FILE, vim.env.CODETUNE_COMMAND
local working, ended = nil, false
seen.said = {}

vim.lsp.handlers["$/progress"] = function(_, params)
  if (params.value.message or ""):find("token") then working = params.token end
  if params.value.kind == "end" and params.token == working then ended = true end
end
vim.cmd("edit " .. vim.fn.fnameescape(file))
local id = vim.lsp.start_client({
  name = "codetune", cmd = vim.split(command, " "), root_dir = vim.fn.fnamemodify(file, ":h"),
})
vim.bo.filetype = "python"
vim.lsp.buf_attach_client(0, id)
local client

local function offered()
  local place = { line = vim.diagnostic.get(0)[1].lnum, character = 0 }
  local params = {
    textDocument = vim.lsp.util.make_text_document_params(),
    range = { start = place, ["end"] = place },
    context = { diagnostics = {} },
  }
  local answer = vim.lsp.buf_request_sync(0, "textDocument/codeAction", params, 5000)
  for _, action in ipairs(answer and answer[id] and answer[id].result or {}) do
    if vim.startswith(action.title, "Fix with ") then return action.command end
  end
end

local function interrupted(interrupt)
  local chosen
  await("a model's fix", function() chosen = #vim.diagnostic.get(0) == 1 and offered() or nil return chosen end)
  working, ended = nil, false
  local _, request = client.request("workspace/executeCommand", chosen, function(problem) table.insert(seen.said, problem) end)
  await("tokens", function() return working ~= nil end)
  interrupt(request)
  await("the end", function() return ended end)
end

await("the finding", function() return #vim.diagnostic.get(0) == 1 end)
client = vim.lsp.get_client_by_id(id)
interrupted(function() vim.api.nvim_buf_set_lines(0, 0, 0, false, { "# typed" }) end)
interrupted(client.cancel_request)
vim.cmd("write")
finish(nil)
