-- Measures the server itself with unsigned requests of the same size. Prints their number and their time.
wrk.method = "POST"
wrk.body = '{"text":"Line of bot 1234: praise the salt, that asks for nothing & everything!"}'
wrk.headers["content-type"] = "application/json"
wrk.headers["authorization"] = "OAuth " .. string.rep("x", 330)

function done(summary)
  io.write(string.format('{"posts":%d,"seconds":%f}\n', summary.requests, summary.duration / 1e6))
end
