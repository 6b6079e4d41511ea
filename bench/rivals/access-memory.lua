-- Lets a request in: the token's meaning and the client's counter are kept in nginx's shared memory.
local cjson = require "cjson.safe"

local windowS = 3600
local token = ngx.var.arg_access_token
if not token then return ngx.exit(401) end

local kept = ngx.shared.tokens
local answer = kept:get("token " .. token)
if not answer then
  local asked = ngx.location.capture("/oauth/verifToken?access_token=" .. token)
  if asked.status ~= 200 then return ngx.exit(401) end
  answer = asked.body
  kept:set("token " .. token, answer, cjson.decode(answer).expires)
end

local metadata = cjson.decode(answer)
local used = kept:incr("used " .. metadata.client, 1, 0, windowS)
ngx.ctx.limit = metadata.rateLimit
ngx.ctx.remaining = metadata.rateLimit - used
ngx.ctx.reset = ngx.time() + windowS
if ngx.ctx.remaining < 0 then return ngx.exit(429) end
ngx.var.roles = metadata.roles
