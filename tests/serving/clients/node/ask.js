// Asks the server at the URL in SERVER through two clients that know another host, and prints what they brought.
"use strict"

const http = require("http")
const https = require("https")
const server = new URL(process.env.SERVER)
const asked = []

https.request = (options, done) => {
  asked.push(`https://${options.host}${options.path}`)
  const there = { ...options, protocol: "http:", host: server.hostname, hostname: server.hostname, port: server.port }
  return http.request({ ...there, agent: undefined, headers: { ...options.headers, host: server.host } }, done)
}

const DarkSky = require("dark-sky")
const Forecast = require("forecast.io")

const promised = (ask) => new Promise((resolve, reject) => ask((error, _, body) => (error ? reject(error) : resolve(body))))

const main = async () => {
  const [latitude, longitude] = [52.52, 13.405]
  const darkSky = () => new DarkSky("key").latitude(latitude).longitude(longitude)
  const forecast = new Forecast({ APIKey: "key", timeout: 60000 })
  const told = {
    full: await darkSky().units("si").language("de").compression(true).extendHourly(true).get(),
    few: await darkSky().options({ exclude: ["minutely", "daily", "flags"], units: "auto" }).get(),
    past: await darkSky().time("2026-06-20T06:00:00").get(),
    refused: await new DarkSky("key").latitude(91).longitude(longitude).get().catch(String),
    get: await promised((done) => forecast.get(latitude, longitude, { units: "ca" }, done)),
    getAtTime: await promised((done) => forecast.getAtTime(latitude, longitude, 1781928000, {}, done)),
  }
  console.log(JSON.stringify({ asked, told }))
}

main().catch((error) => {
  console.error(error)
  process.exit(1)
})
