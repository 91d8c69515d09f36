-- What the server can take: requests of the same size, unsigned. Prints the requests and the time they took.
wrk.method = "POST"
wrk.body = '{"text":"Line of bot 1234: praise the salt, that asks for nothing & everything!"}'
wrk.headers["content-type"] = "application/json"
wrk.headers["authorization"] = "OAuth " .. string.rep("x", 330)

function done(summary)
  io.write(string.format('{"posts":%d,"seconds":%f}\n', summary.requests, summary.duration / 1e6))
end
