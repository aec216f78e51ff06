//! Clients of all sorts at once, bytes cut anywhere, out of a seed: each gets exactly the answers to what it asked, in order, and
//! the messages of its own channel.

use crate::dice::Dice;
use crate::link::Attempt;
use crate::model::{Conn, Model, NIL, array, bulk, command, frame};
use crate::stage::{Cuts, Stage, settings};
use std::collections::VecDeque;

/// One client: what it sends, what it must be answered, and what it has heard.
struct Client {
    link: usize,
    unsent: Vec<u8>,
    expected: VecDeque<String>,
    heard: Vec<u8>,
    /// The number of the next message of its channel that it may hear, at least.
    message: usize,
    channel: String,
}

impl Client {
    fn ask(&mut self, words: &[&str], answer: String) {
        self.unsent.extend_from_slice(command(words).as_bytes());
        self.expected.push_back(answer);
    }

    /// A program of a few commands of every sort. Says how many elements it takes off its list.
    fn plan(&mut self, name: &str, dice: &mut Dice) -> usize {
        let (key, list) = (format!("k{name}"), format!("l{name}"));
        let (mut value, mut popped) = (None, 0);
        for step in 0..dice.between(3, 12) {
            let text = format!("{name}.{step}");
            let current = |value: &Option<String>| value.as_deref().map_or_else(|| NIL.to_owned(), bulk);
            match dice.below(6) {
                0 | 1 => self.ask(&["GET", &key], current(&value)),
                2 => {
                    self.ask(&["SET", &key, &text], "+OK\r\n".to_owned());
                    value = Some(text);
                }
                3 => {
                    self.ask(
                        &["BLPOP", &list, "0"],
                        array(&[bulk(&list), bulk(&format!("{name}/{popped}"))]),
                    );
                    popped += 1;
                }
                4 => {
                    self.ask(&["MULTI"], "+OK\r\n".to_owned());
                    self.ask(&["GET", &key], "+QUEUED\r\n".to_owned());
                    self.ask(&["SET", &key, &text], "+QUEUED\r\n".to_owned());
                    self.ask(&["EXEC"], array(&[current(&value), "+OK\r\n".to_owned()]));
                    value = Some(text);
                }
                _ => {
                    let channel = self.channel.clone();
                    for (word, count) in [("subscribe", 1), ("unsubscribe", 0)] {
                        let answer = format!("*3\r\n{}{}:{count}\r\n", bulk(word), bulk(&channel));
                        self.ask(&[&word.to_uppercase(), &channel], answer);
                    }
                }
            }
        }
        popped
    }

    /// Sends something, and takes what has come.
    fn exchange(&mut self, stage: &mut Stage) -> Vec<u8> {
        let count = stage.cut(self.unsent.len());
        let written = stage.links[self.link].inward.write(&self.unsent[..count]);
        self.unsent.drain(..written);
        stage.links[self.link].outward.take(usize::MAX)
    }

    fn hear(&mut self, bytes: &[u8]) {
        self.heard.extend_from_slice(bytes);
        while let Some(len) = frame(&self.heard) {
            let text = String::from_utf8(self.heard.drain(..len).collect()).unwrap();
            if text.contains("message\r\n") {
                let number = text.lines().last().and_then(|number| number.parse::<usize>().ok()).unwrap();
                let sent = array(&[bulk("message"), bulk(&self.channel), bulk(&number.to_string())]);
                assert!(text == sent && number >= self.message, "{text:?}");
                self.message = number + 1;
            } else {
                assert_eq!(Some(text), self.expected.pop_front());
            }
        }
    }
}

fn play(seed: u64) {
    let mut dice = Dice::new(seed);
    let (servers, count) = (dice.between(1, 3), dice.between(1, 5));
    let mut settings = settings(servers);
    settings.server_connections = dice.pick(&[1, 1, 2]);
    let mut stage = Stage::new(format!("seed {seed}"), settings, 1, dice);
    stage.cuts = stage.dice.pick(&[Cuts::Whole, Cuts::Tiny, Cuts::Mixed]);
    stage.is_shuffled = true;
    stage.workers[0].engine.speak_resp();
    let mut models: Vec<Model> = (0..servers).map(|_| Model::default()).collect();
    let mut clients: Vec<Client> = Vec::new();
    for number in 0..=count {
        let link = stage.accept(0, (1 << 20, 1 << 20));
        let channel = format!("c{number}");
        let (unsent, heard) = (Vec::new(), Vec::new());
        clients.push(Client { link, unsent, expected: VecDeque::new(), heard, message: 0, channel });
    }
    // The last one gives the others what they wait for.
    let mut giver = clients.pop().unwrap();
    let mut gifts = Vec::new();
    for (number, client) in clients.iter_mut().enumerate() {
        let popped = client.plan(&number.to_string(), &mut stage.dice);
        gifts.extend((0..popped).map(|n| (number, n)));
    }
    for (number, n) in gifts {
        let (list, value) = (format!("l{number}"), format!("{number}/{n}"));
        giver.unsent.extend_from_slice(command(&["LPUSH", &list, &value]).as_bytes());
        let text = giver.message.to_string();
        giver.unsent.extend_from_slice(command(&["PUBLISH", &format!("c{number}"), &text]).as_bytes());
        giver.message += 1;
    }
    for _ in 0..200_000 {
        if clients.iter().all(|client| client.expected.is_empty()) {
            return;
        }
        for client in &mut clients {
            let bytes = client.exchange(&mut stage);
            client.hear(&bytes);
        }
        giver.exchange(&mut stage);
        serve(&mut stage, &mut models);
        stage.turn(0);
    }
    let waiting: Vec<_> = clients.iter().map(|client| client.expected.front()).collect();
    stage.fail(&format!("these wait for ever: {waiting:?}"));
}

/// Takes in new connections, and lets every connection read, carry out and say something.
fn serve(stage: &mut Stage, models: &mut [Model]) {
    while let Some(arrival) = stage.arrivals.pop() {
        stage.links[arrival.link].attempt = Attempt::Made;
        models[arrival.server].conns.insert(arrival.link, Conn::default());
    }
    for model in models {
        model.conns.retain(|&link, _| !stage.links[link].closed);
        for link in model.conns.keys().copied().collect::<Vec<usize>>() {
            let most = stage.cut(1 << 16);
            let bytes = stage.links[link].outward.take(most);
            model.conns.get_mut(&link).unwrap().input.extend_from_slice(&bytes);
            model.serve(link);
            let conn = model.conns.get_mut(&link).unwrap();
            let count = stage.cut(conn.output.len());
            let written = stage.links[link].inward.write(&conn.output[..count]);
            conn.output.drain(..written);
        }
    }
}

#[test]
fn clients_of_all_sorts_get_what_they_asked_for_and_nothing_else() {
    for seed in 0..300 {
        play(seed);
    }
}
