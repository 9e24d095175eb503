//! The terminal view.

use std::{
    io,
    process::ExitCode,
    time::{Duration, Instant},
};

use ratatui::{
    DefaultTerminal, Frame,
    crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers},
    layout::{Alignment, Constraint, Layout, Rect},
    style::{Color, Modifier, Style, Stylize},
    text::{Line, Text},
    widgets::{Block, Cell, Paragraph, Row as TableRow, Sparkline, Table, TableState},
};
use wayfence::live;

use super::{
    history::{History, Row},
    table::{self, COLUMNS, NOBODY, Side},
};
use crate::command::terminal::printable;

/// Shows everybody until a key ends it.
///
/// # Errors
/// Those of the terminal, and of reading.
pub fn show(interval: Duration) -> io::Result<ExitCode> {
    let folder = live::folder()?;
    // Fails before the terminal is changed.
    live::watch(&folder)?;
    let mut terminal = ratatui::try_init()?;
    let result = watch(&mut terminal, &folder, interval);
    ratatui::restore();
    result
}

fn watch(
    terminal: &mut DefaultTerminal,
    folder: &std::path::Path,
    interval: Duration,
) -> io::Result<ExitCode> {
    let mut history = History::default();
    let mut selected = TableState::default();
    loop {
        let now = Instant::now();
        history.add(live::watch(folder)?, now);
        history.trim(interval);
        let rows = history.rows().len();
        selected.select(match rows {
            0 => None,
            rows => Some(selected.selected().unwrap_or(0).min(rows - 1)),
        });
        loop {
            terminal.draw(|frame| draw(frame, &history, &mut selected))?;
            let rest = interval.saturating_sub(now.elapsed());
            if !event::poll(rest)? {
                break;
            }
            match event::read()? {
                Event::Key(key) if key.kind == KeyEventKind::Press => match action(key) {
                    Some(Action::End) => return Ok(ExitCode::SUCCESS),
                    Some(Action::Up) => selected.select_previous(),
                    Some(Action::Down) => selected.select_next(),
                    None => {}
                },
                // Drawn again at once, in the terminal's new size.
                _ => {}
            }
        }
    }
}

/// What a key does.
#[derive(Debug, PartialEq, Eq)]
enum Action {
    End,
    Up,
    Down,
}

fn action(key: KeyEvent) -> Option<Action> {
    match key.code {
        KeyCode::Char('q') | KeyCode::Esc => Some(Action::End),
        // The terminal is raw: it makes no signal of it.
        KeyCode::Char('c') if key.modifiers.contains(KeyModifiers::CONTROL) => Some(Action::End),
        KeyCode::Up | KeyCode::Char('k') => Some(Action::Up),
        KeyCode::Down | KeyCode::Char('j') => Some(Action::Down),
        _ => None,
    }
}

fn draw(frame: &mut Frame<'_>, history: &History, selected: &mut TableState) {
    let [title, list, detail, keys] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Min(3),
        Constraint::Length(9),
        Constraint::Length(1),
    ])
    .areas(frame.area());
    let living = history.rows().iter().filter(|row| row.is_living()).count();
    let title_text = match living {
        0 => NOBODY.to_owned(),
        1 => "1 swapchain on the layer".to_owned(),
        count => format!("{count} swapchains on the layer"),
    };
    frame.render_widget(Line::from(title_text).bold(), title);
    draw_list(frame, list, history.rows(), selected);
    if let Some(row) = selected
        .selected()
        .and_then(|index| history.rows().get(index))
    {
        draw_detail(frame, detail, row);
    }
    let help = "↑ ↓ select  q quit   NO IMAGE: all were held   FENCE: readers were not done";
    frame.render_widget(Line::from(help).dim(), keys);
}

fn draw_list(frame: &mut Frame<'_>, area: Rect, rows: &[Row], selected: &mut TableState) {
    let aligned = |text: String, side: Side| {
        Cell::from(Text::from(text).alignment(match side {
            Side::Left => Alignment::Left,
            Side::Right => Alignment::Right,
        }))
    };
    let names = COLUMNS.map(|(name, _, side)| aligned(name.to_owned(), side));
    let head = TableRow::new(names.into_iter().chain([Cell::from("LAST MINUTE")]))
        .style(Style::new().add_modifier(Modifier::REVERSED));
    let lines = rows.iter().map(|row| {
        let cells = table::cells(row).into_iter().zip(COLUMNS);
        let cells = cells.map(|(text, (.., side))| aligned(text, side));
        let graph = Cell::from(graph(&row.graph, GRAPH_WIDTH)).style(Color::Cyan);
        let style = match row.is_living() {
            true => Style::new(),
            false => Style::new().dim(),
        };
        TableRow::new(cells.chain([graph])).style(style)
    });
    let widths = COLUMNS.map(|(_, width, _)| Constraint::Length(width as u16));
    let widths = widths
        .into_iter()
        .chain([Constraint::Length(GRAPH_WIDTH as u16)]);
    let table = Table::new(lines, widths)
        .header(head)
        .column_spacing(1)
        .row_highlight_style(Style::new().bold())
        .highlight_symbol("▶");
    frame.render_stateful_widget(table, area, selected);
}

fn draw_detail(frame: &mut Frame<'_>, area: Rect, row: &Row) {
    let report = &row.swapchain.report;
    let block = Block::bordered().title(format!(
        " {} ({}) ",
        printable(&report.application),
        row.pid
    ));
    let inside = block.inner(area);
    frame.render_widget(block, area);
    let [text, graph] =
        Layout::horizontal([Constraint::Percentage(50), Constraint::Percentage(50)]).areas(inside);
    let counters = &report.counters;
    let lines = [
        format!("driver      {}", printable(&report.driver)),
        format!("compositor  {}", printable(&report.compositor)),
        format!(
            "images      {} of {}, modifier {:#x}",
            report.image_count,
            printable(&report.format),
            report.modifier
        ),
        format!("colours     {}", printable(&report.color_space)),
        format!(
            "in all      {} presented, {} waits on the CPU",
            counters.presents, counters.cpu_waits
        ),
        format!(
            "worst       {:.3} ms in acquire, {:.3} ms in present",
            counters.acquire_max_ns as f64 / 1e6,
            counters.present_max_ns as f64 / 1e6
        ),
    ];
    let lines: Vec<Line<'_>> = lines.into_iter().map(Line::from).collect();
    frame.render_widget(Paragraph::new(lines), text);
    let most = row.graph.iter().copied().fold(0.0, f64::max);
    let [label, graph] = Layout::vertical([Constraint::Length(1), Constraint::Min(1)]).areas(graph);
    frame.render_widget(
        Line::from(format!("frames a second, last minute, up to {most:.0}")).dim(),
        label,
    );
    // The newest at the right.
    let points = stretch(&row.graph, graph.width.into());
    let points = points.iter().map(|rate| (rate * 10.0).round() as u64);
    let sparkline = Sparkline::default()
        .data(points)
        .max(((most * 10.0).round() as u64).max(1))
        .style(Color::Cyan);
    frame.render_widget(sparkline, graph);
}

const GRAPH_WIDTH: usize = 20;

/// A graph of one line, the newest at the right.
fn graph(rates: &[f64], width: usize) -> String {
    const BARS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let most = rates.iter().copied().fold(f64::MIN_POSITIVE, f64::max);
    stretch(rates, width)
        .into_iter()
        .map(|rate| BARS[((rate / most * 8.0).round() as usize).min(8)])
        .collect()
}

/// As many points as there is room for: each the mean of its part of the minute.
fn stretch(rates: &[f64], width: usize) -> Vec<f64> {
    if rates.len() <= width {
        let mut points = vec![0.0; width - rates.len()];
        points.extend(rates);
        return points;
    }
    (0..width)
        .map(|index| {
            let from = index * rates.len() / width;
            let to = ((index + 1) * rates.len() / width).max(from + 1);
            let part = &rates[from..to];
            part.iter().sum::<f64>() / part.len() as f64
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use ratatui::{Terminal, backend::TestBackend};
    use wayfence::live::State;

    use super::super::history::tests::{frames, process, swapchain};
    use super::*;

    fn drawn(history: &History, width: u16, height: u16) -> String {
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        let mut selected = TableState::default();
        selected.select(Some(0));
        terminal
            .draw(|frame| draw(frame, history, &mut selected))
            .unwrap();
        terminal.backend().to_string()
    }

    fn history() -> History {
        let begin = Instant::now();
        let mut history = History::default();
        for second in 0..10 {
            let living = process(State::Living, vec![swapchain(2, frames(second * 60))]);
            history.add(vec![living], begin + Duration::from_secs(second));
        }
        history
    }

    #[test]
    fn everybody_is_shown_with_details_of_one() {
        let text = drawn(&history(), 140, 24);
        assert!(text.contains("1 swapchain on the layer"), "{text}");
        assert!(text.contains("60.0"), "{text}");
        assert!(text.contains("vkcube (7)"), "{text}");
        assert!(text.contains("540 presented"), "{text}");
        assert!(text.contains("█████████"), "{text}");
    }

    #[test]
    fn a_terminal_of_any_size_is_drawn_on() {
        for (width, height) in [(1, 1), (20, 5), (80, 24), (300, 100)] {
            drawn(&history(), width, height);
            drawn(&History::default(), width, height);
        }
    }

    #[test]
    fn graphs_end_with_the_newest() {
        assert_eq!(graph(&[0.0, 30.0, 60.0], 5), "   ▄█");
        assert_eq!(graph(&[1.0, 1.0, 3.0, 3.0], 2), "▃█");
        assert_eq!(graph(&[], 2), "  ");
    }

    #[test]
    fn the_usual_keys_end_it() {
        let control_c = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
        for key in [
            KeyEvent::from(KeyCode::Char('q')),
            KeyEvent::from(KeyCode::Esc),
            control_c,
        ] {
            assert_eq!(action(key), Some(Action::End));
        }
        assert_eq!(action(KeyEvent::from(KeyCode::Char('c'))), None);
    }
}
