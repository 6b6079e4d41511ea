-- Tells the client what is left of its quota.
if ngx.ctx.limit then
  ngx.header["X-Rate-Limit-Limit"] = ngx.ctx.limit
  ngx.header["X-Rate-Limit-Remaining"] = ngx.ctx.remaining
  ngx.header["X-Rate-Limit-Reset"] = ngx.ctx.reset
end
