-- Sends the requests of a file in turn. A line is the Authorization field, a tab and the form. They are made before the
-- load begins, so that it costs no more than a GET of one URL.
local requests, at = {}, 0

function init(args)
  local headers = { ["Content-Type"] = "application/x-www-form-urlencoded" }
  for line in io.lines(args[1]) do
    local authorization, form = line:match("^([^\t]*)\t(.*)$")
    headers["Authorization"] = authorization
    requests[#requests + 1] = wrk.format("POST", nil, headers, form)
  end
end

function request()
  at = at % #requests + 1
  return requests[at]
end
