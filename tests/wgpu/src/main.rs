//! Draws a triangle that turns, in a Wayland window, with wgpu, as programs in Rust do, and ends after
//! the number of frames that is its argument [300].

use std::env;
use std::process::ExitCode;
use std::sync::Arc;

use wgpu::{CurrentSurfaceTexture, PollType};
use winit::application::ApplicationHandler;
use winit::dpi::PhysicalSize;
use winit::event::WindowEvent;
use winit::event_loop::{ActiveEventLoop, EventLoop};
use winit::window::{Window, WindowId};

/// The triangle's angle is the instance's number, so that no buffer is needed.
const SHADER: &str = "
struct Corner { @builtin(position) position: vec4f, @location(0) colour: vec3f }

@vertex
fn corner(@builtin(vertex_index) vertex: u32, @builtin(instance_index) frame: u32) -> Corner {
    let angle = f32(vertex) * 2.0943951 + f32(frame) * 0.02;
    let colours = array(vec3f(1.0, 0.2, 0.2), vec3f(0.2, 1.0, 0.2), vec3f(0.2, 0.4, 1.0));
    return Corner(vec4f(0.8 * sin(angle), 0.8 * cos(angle), 0.0, 1.0), colours[vertex]);
}

@fragment
fn pixel(corner: Corner) -> @location(0) vec4f {
    return vec4f(corner.colour, 1.0);
}
";

struct Graphics {
    window: Arc<Window>,
    surface: wgpu::Surface<'static>,
    configuration: wgpu::SurfaceConfiguration,
    device: wgpu::Device,
    queue: wgpu::Queue,
    pipeline: wgpu::RenderPipeline,
}

impl Graphics {
    async fn new(event_loop: &ActiveEventLoop) -> Self {
        let attributes = Window::default_attributes()
            .with_title("wgpu")
            .with_inner_size(PhysicalSize::new(500, 500));
        let window = Arc::new(event_loop.create_window(attributes).expect("a window"));
        let instance = wgpu::Instance::new(wgpu::InstanceDescriptor::new_without_display_handle());
        let surface = instance
            .create_surface(Arc::clone(&window))
            .expect("a surface");
        let adapter = instance
            .request_adapter(&wgpu::RequestAdapterOptions {
                compatible_surface: Some(&surface),
                ..Default::default()
            })
            .await
            .expect("an adapter that draws on it");
        println!("{:?}", adapter.get_info());
        let (device, queue) = adapter
            .request_device(&wgpu::DeviceDescriptor {
                required_limits: wgpu::Limits::downlevel_defaults()
                    .using_resolution(adapter.limits()),
                ..Default::default()
            })
            .await
            .expect("a device");
        let size = window.inner_size();
        let configuration = surface
            .get_default_config(&adapter, size.width.max(1), size.height.max(1))
            .expect("the adapter draws on it");
        surface.configure(&device, &configuration);
        let shader = device.create_shader_module(wgpu::ShaderModuleDescriptor {
            label: None,
            source: wgpu::ShaderSource::Wgsl(SHADER.into()),
        });
        let pipeline = device.create_render_pipeline(&wgpu::RenderPipelineDescriptor {
            label: None,
            layout: None,
            vertex: wgpu::VertexState {
                module: &shader,
                entry_point: None,
                compilation_options: Default::default(),
                buffers: &[],
            },
            primitive: Default::default(),
            depth_stencil: None,
            multisample: Default::default(),
            fragment: Some(wgpu::FragmentState {
                module: &shader,
                entry_point: None,
                compilation_options: Default::default(),
                targets: &[Some(configuration.format.into())],
            }),
            multiview_mask: None,
            cache: None,
        });
        Self {
            window,
            surface,
            configuration,
            device,
            queue,
            pipeline,
        }
    }

    fn resize(&mut self, size: PhysicalSize<u32>) {
        self.configuration.width = size.width.max(1);
        self.configuration.height = size.height.max(1);
        self.surface.configure(&self.device, &self.configuration);
    }

    /// Whether the frame was shown.
    fn draw(&mut self, frame: u32) -> bool {
        let target = match self.surface.get_current_texture() {
            CurrentSurfaceTexture::Success(target) | CurrentSurfaceTexture::Suboptimal(target) => {
                target
            }
            CurrentSurfaceTexture::Outdated => {
                self.surface.configure(&self.device, &self.configuration);
                return false;
            }
            other => panic!("no texture to draw on: {other:?}"),
        };
        let view = target.texture.create_view(&Default::default());
        let mut encoder = self.device.create_command_encoder(&Default::default());
        {
            let mut pass = encoder.begin_render_pass(&wgpu::RenderPassDescriptor {
                color_attachments: &[Some(wgpu::RenderPassColorAttachment {
                    view: &view,
                    depth_slice: None,
                    resolve_target: None,
                    ops: wgpu::Operations::default(),
                })],
                ..Default::default()
            });
            pass.set_pipeline(&self.pipeline);
            pass.draw(0..3, frame..frame + 1);
        }
        self.queue.submit([encoder.finish()]);
        self.window.pre_present_notify();
        self.queue.present(target);
        true
    }
}

struct Program {
    frames: u32,
    shown: u32,
    graphics: Option<Graphics>,
}

impl ApplicationHandler for Program {
    fn resumed(&mut self, event_loop: &ActiveEventLoop) {
        let graphics = pollster::block_on(Graphics::new(event_loop));
        graphics.window.request_redraw();
        self.graphics = Some(graphics);
    }

    fn window_event(&mut self, event_loop: &ActiveEventLoop, _: WindowId, event: WindowEvent) {
        let Some(graphics) = &mut self.graphics else {
            return;
        };
        match event {
            WindowEvent::CloseRequested => event_loop.exit(),
            WindowEvent::Resized(size) => graphics.resize(size),
            WindowEvent::RedrawRequested => {
                self.shown += u32::from(graphics.draw(self.shown));
                if self.shown == self.frames {
                    graphics
                        .device
                        .poll(PollType::wait_indefinitely())
                        .expect("an idle device");
                    event_loop.exit();
                }
                graphics.window.request_redraw();
            }
            _ => {}
        }
    }
}

fn main() -> ExitCode {
    let frames = match env::args().nth(1).map(|number| number.parse()) {
        None => 300,
        Some(Ok(frames)) => frames,
        Some(Err(error)) => {
            eprintln!("wayfence-test-wgpu: the number of frames: {error}");
            return ExitCode::from(2);
        }
    };
    let mut program = Program {
        frames,
        shown: 0,
        graphics: None,
    };
    let event_loop = EventLoop::new().expect("a Wayland display");
    event_loop.run_app(&mut program).expect("an event loop");
    println!("{} frames", program.shown);
    ExitCode::from(u8::from(program.shown < frames))
}
