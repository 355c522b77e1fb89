-- What every script for Neovim begins with.
seen = {}

function finish(problem)
  seen.problem = problem
  local out = io.open(vim.env.CODETUNE_RESULT, "w")
  out:write(vim.json and vim.json.encode(seen) or vim.fn.json_encode(seen))
  out:close()
  vim.cmd(problem and "cquit 1" or "qall!")
end

function await(what, condition)
  if vim.wait(60000, condition, 20) then return end
  finish("waited in vain for " .. what .. ": " .. vim.inspect(vim.diagnostic.get(0)))
end
