-- Lets a request in: the token's meaning and the client's counter are kept in Redis, asked in one round trip a request.
local cjson = require "cjson.safe"
local redis = require "nginx.redis"

local windowS = 3600
local token = ngx.var.arg_access_token
if not token then return ngx.exit(401) end

local store = redis:new()
store:set_timeout(1000)
assert(store:connect("127.0.0.1", tonumber(ngx.var.redis_port)))
store:init_pipeline(2)
store:get("token " .. token)
store:incr("used " .. token)
local replies = store:commit_pipeline()
local answer, used = replies[1], replies[2]
if not answer or answer == ngx.null then
  local asked = ngx.location.capture("/oauth/verifToken?access_token=" .. token)
  if asked.status ~= 200 then return ngx.exit(401) end
  answer = asked.body
  store:setex("token " .. token, cjson.decode(answer).expires, answer)
end
if used == 1 then store:expire("used " .. token, windowS) end
store:set_keepalive(3600000, 256)

local metadata = cjson.decode(answer)
ngx.ctx.limit = metadata.rateLimit
ngx.ctx.remaining = metadata.rateLimit - used
ngx.ctx.reset = ngx.time() + windowS
if ngx.ctx.remaining < 0 then return ngx.exit(429) end
ngx.var.roles = metadata.roles
